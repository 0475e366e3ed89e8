"""A package index inside a site: over HTTPS, with a certificate of the site's own CA, for who knows its password."""

import base64
import secrets
import ssl
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from certipy import Certipy


@dataclass(frozen=True)
class PackageIndex:
    """Where the index is, and the one package that it has: nobody else's has that name."""

    host: str
    ca: Path
    port: int = 0
    package: str = field(default_factory=lambda: f"gpulab-e2e-{secrets.token_hex(6)}")
    password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    @property
    def module(self) -> str:
        """The package's name in Python."""
        return self.package.replace("-", "_")

    @property
    def url(self) -> str:
        """Its address for pip, with the credentials in it."""
        return f"https://lab:{self.password}@{self.host}:{self.port}/simple/"

    @property
    def authorization(self) -> str:
        """What a client's header has to say."""
        return f"Basic {base64.b64encode(f'lab:{self.password}'.encode()).decode()}"


def _publish(index: PackageIndex, root: Path) -> None:
    """Write a wheel, and the page that leads to it (PEP 503)."""
    name = f"{index.module}-1.0"
    folder = root / "simple" / index.package
    folder.mkdir(parents=True)
    files = {
        f"{index.module}.py": "FROM = 'the index of the site'\n",
        f"{name}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {index.package}\nVersion: 1.0\n",
        f"{name}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    wheel = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{name}.dist-info/RECORD", "".join(f"{path},,\n" for path in files))
    (folder / "index.html").write_text(f'<!DOCTYPE html><a href="{wheel.name}">{wheel.name}</a>')


class _Handler(SimpleHTTPRequestHandler):
    """Files for who knows the password."""

    def __init__(self, *arguments, authorization: str, **options):
        self._authorization = authorization
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        if self.headers["Authorization"] == self._authorization:
            super().do_GET()
        else:
            self.send_response(HTTPStatus.UNAUTHORIZED)
            self.send_header("WWW-Authenticate", 'Basic realm="packages"')
            self.end_headers()

    def log_message(self, *_told) -> None:
        """Say nothing: the test asks the clients."""


@contextmanager
def served(host: str, folder: Path) -> Iterator[PackageIndex]:
    """Serve an index at an address of this machine, with files in an empty folder.

    :raises OSError: if the address is not this machine's.
    """
    authority = Certipy(store_dir=str(folder / "ca"))
    ca = Path(authority.create_ca("site")["files"]["cert"])
    pair = authority.create_signed_pair("index", "site", alt_names=[f"IP:{host}"])["files"]
    index = PackageIndex(host, ca)
    _publish(index, folder / "files")
    handler = partial(_Handler, authorization=index.authorization, directory=str(folder / "files"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair["cert"], pair["key"])
    with ThreadingHTTPServer((host, 0), handler) as server:
        # The handshake belongs to the request's own thread, so that one client's cannot hold up the others.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield PackageIndex(host, ca, server.server_port, index.package, index.password)
        finally:
            server.shutdown()
