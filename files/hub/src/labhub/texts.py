# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What people read, in their language: tornado's catalogues, and texts that wait until the reader is known.

The message in the code is the English text. `translations/<language>.csv` holds the others, in tornado's form:
one line for a message, ``"message","translation"``. Values stand as ``%(name)s`` in both.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tornado import locale
from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError, RequestHandler

LANGUAGES = ("en", "ru")
"""The first is that of the messages, and of whoever asks for none of the others."""

TRANSLATIONS = Path(__file__).parent / "translations"

locale.set_default_locale(LANGUAGES[0])
locale.load_translations(str(TRANSLATIONS))


class Text(str):
    """An English text that can be said in other languages: a string for programs and logs, more for people.

    :param message: the message, with ``%(name)s`` for values.
    :param values: the values; those that are texts themselves are said in the same language.
    """

    message: str
    values: dict[str, Any]

    def __new__(cls, message: str, **values: Any) -> "Text":
        """Fill the values into the English message."""
        text = super().__new__(cls, message % values if values else message)
        text.message, text.values = message, values
        return text

    def said(self, language: str) -> str:
        """Say it in one of `LANGUAGES`; in English where there is no translation."""
        translated = locale.get(language).translate(self.message)
        values = {name: said(value, language) for name, value in self.values.items()}
        return translated % values if values else translated

    def __reduce__(self) -> tuple[Any, ...]:
        """Be copied as what it is."""
        return (_remade, (self.message, self.values))


def _remade(message: str, values: dict[str, Any]) -> Text:
    return Text(message, **values)


def said(value: Any, language: str) -> Any:
    """Say a `Text` in a language; anything else is left as it is."""
    return value.said(language) if isinstance(value, Text) else value


def language_of(request: HTTPServerRequest | None, setting: str = "auto") -> str:
    """Find the language to answer a request in.

    :param request: None for what nobody asked for with a browser.
    :param setting: ``auto`` to go by the browser, or one of `LANGUAGES`.
    """
    if setting != "auto":
        return setting
    if request is None or not request.headers.get("Accept-Language"):
        return LANGUAGES[0]
    return locale.get(*_wishes(request.headers["Accept-Language"])).code[:2]


def _wishes(header: str) -> list[str]:
    """Sort what an Accept-Language header lists, what is wanted most first; ``*`` and nonsense are left out."""
    wishes = []
    for position, part in enumerate(header.split(",")):
        code, _semicolon, quality = part.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if weight > 0 and code.replace("-", "").isalnum():
            wishes.append((-weight, position, code))
    return [code for _rank, _place, code in sorted(wishes)]


def speaker(language: str) -> Callable[..., str]:
    """Make what templates call ``_``: it says a message, with values, or a `Text`."""

    def speak(message: str, **values: Any) -> str:
        return said(message if isinstance(message, Text) else Text(message, **values), language)

    return speak


class Speaking:
    """A handler whose pages are in the language of whoever reads them; a mixin, put before JupyterHub's class."""

    @property
    def language(self) -> str:
        """One of `LANGUAGES`."""
        return language_for(self)

    @property
    def template_namespace(self) -> dict[str, Any]:
        """What every template of the page sees."""
        return super().template_namespace | {"_": speaker(self.language), "language": self.language}


def language_for(handler: RequestHandler | None) -> str:
    """Find the language of a handler's request; the authenticator knows the lab's setting."""
    if handler is None:
        return LANGUAGES[0]
    return language_of(handler.request, getattr(handler.authenticator, "language", "auto"))


def refusal(handler: RequestHandler, status: int, text: Text) -> HTTPError:
    """Make the error that refuses a request: English for the log, the reader's language for the page."""
    error = HTTPError(status, str(text))
    error.jupyterhub_message = text.said(language_for(handler))
    return error
