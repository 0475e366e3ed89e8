# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Texts in the reader's language, and the catalogue that holds them: complete, in use, with the same values."""

import ast
import copy
import csv
import re
from pathlib import Path
from types import SimpleNamespace

import jinja2
import labhub
import pytest
from hub.running import ADMIN_PASSWORD, RunningHub, alert
from jinja2.ext import extract_from_ast
from labhub import names, texts
from labhub.texts import Text
from tornado.httputil import HTTPHeaders

SOURCE = Path(labhub.__file__).parent
RUSSIAN = {"Accept-Language": "ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7"}


def messages_in_code():
    for path in SOURCE.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for scope in ast.walk(tree):
            if isinstance(scope, ast.Call) and getattr(scope.func, "id", "") == "Text" and scope.args:
                yield from literal(scope.args[0], tree, scope.lineno)


def literal(argument, tree, line):
    """A message, or what the variable that holds it was set to last before its line."""
    if isinstance(argument, ast.Constant):
        yield argument.value
    elif isinstance(argument, ast.Name):
        values = [
            node.value.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            and node.lineno < line
            and isinstance(node.value, ast.Constant)
            and getattr(node.targets[0], "id", "") == argument.id
        ]
        yield from values[-1:]


def messages_in_templates():
    environment = jinja2.Environment()
    for path in (SOURCE / "templates").glob("*.html"):
        for _line, _function, message in extract_from_ast(environment.parse(path.read_text(encoding="utf-8")), ("_",)):
            if message:
                yield message if isinstance(message, str) else message[0]


def catalogue():
    with (SOURCE / "translations/ru.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def placeholders(text):
    return sorted(re.findall(r"%\(\w+\)s|%", text))


def test_every_message_has_its_translation_and_there_is_none_without_a_message():
    used = {*messages_in_code(), *messages_in_templates()}
    translated = {row[0] for row in catalogue()}
    assert sorted(used - translated) == []
    assert sorted(translated - used) == []


def test_translations_are_complete_and_have_the_same_values():
    for row in catalogue():
        assert len(row) == 2, row
        message, translation = row
        assert placeholders(message) == placeholders(translation), message
        assert translation.strip() == translation
        assert re.search("[а-яё]", translation), message


def test_no_message_is_translated_twice():
    messages = [row[0] for row in catalogue()]
    assert len(messages) == len(set(messages))


def request(header):
    return SimpleNamespace(headers=HTTPHeaders({"Accept-Language": header} if header else {}))


@pytest.mark.parametrize(
    ("header", "setting", "language"),
    [
        ("ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7", "auto", "ru"),
        ("en-US,en;q=0.9,ru;q=0.8", "auto", "en"),
        ("en-GB,ru;q=0.5", "auto", "en"),
        ("en;q=0.2,ru;q=0.8", "auto", "ru"),
        ("de-DE,ru;q=0.1", "auto", "ru"),
        ("de-DE", "auto", "en"),
        ("ru;q=0,en", "auto", "en"),
        ("zh-Hant-TW,*;q=0.5", "auto", "en"),
        (";;;,q=,ru;q=x,\x00", "auto", "en"),
        ("", "auto", "en"),
        ("ru", "en", "en"),
        ("en", "ru", "ru"),
        ("", "ru", "ru"),
    ],
)
def test_the_language_is_the_browsers_unless_the_lab_has_one(header, setting, language):
    assert texts.language_of(request(header), setting) == language


def test_a_text_is_english_to_programs_and_knows_what_it_holds():
    refused = names.refusal("Vera")
    assert refused.startswith("'Vera' cannot be a user name: a user name has 1 to 32 characters")
    assert "не может быть именем пользователя" in refused.said("ru")
    assert "строчные латинские буквы" in refused.said("ru")
    assert copy.deepcopy(refused).said("ru") == refused.said("ru")


def test_what_is_not_translated_is_english():
    assert Text("No such message: %(x)s, 100%%", x=1).said("ru") == "No such message: 1, 100%"
    assert Text("100%").said("ru") == "100%"


def test_pages_answer_in_the_language_of_the_browser(hub):
    person = hub.person()
    assert "Имя пользователя" not in person.get("login").text
    person.session.headers.update(RUSSIAN)
    page = person.get("login").text
    assert "Имя пользователя" in page
    assert 'documentElement.lang = "ru"' in page
    assert alert(person.log_in("vera", "wrong").text) == "Неверное имя пользователя или пароль"
    assert "не может быть именем пользователя" in person.sign_up("Vera!", "a password that nobody has")
    assert "ждёт одобрения" in person.sign_up("vera", "a password that nobody has")
    assert "ещё не одобрена" in alert(person.log_in("vera", "a password that nobody has").text)


def test_admins_pages_answer_too(hub):
    boss = hub.person()
    boss.session.headers.update(RUSSIAN)
    boss.log_in("boss", ADMIN_PASSWORD)
    assert "Учётные записи" in boss.get("authorize").text
    page = boss.get("change-password").text
    assert "Новый пароль" in page
    wrong = boss.post("change-password", old_password="x", new_password="y" * 12, new_password_confirmation="y" * 12)
    assert "Текущий пароль указан неверно" in alert(wrong.text)
    short = boss.post(
        "change-password", old_password=ADMIN_PASSWORD, new_password="short", new_password_confirmation="short"
    )
    assert "Минимальная длина пароля" in alert(short.text)
    assert "Authorize users" in boss.get("home").text


@pytest.mark.parametrize(("language", "heading"), [("ru", "Вход"), ("en", "Sign in")])
def test_a_lab_may_have_one_language_for_all(tmp_path, language, heading):
    with RunningHub(tmp_path, f'c.LabAuthenticator.language = "{language}"\n').running() as hub:
        person = hub.person()
        person.session.headers.update(RUSSIAN if language == "en" else {})
        assert f"<h1>{heading}</h1>" in person.get("login").text
