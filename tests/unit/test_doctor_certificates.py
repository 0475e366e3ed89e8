"""_doctor_certificates: real certificates that have ended, soon will, or cannot be read; and a real HTTPS door."""

import datetime
import ipaddress
import socket
import ssl
import threading
import time

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _doctor_certificates as certificates
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NOW = time.time()
DAY = datetime.timedelta(days=1)


def make(name, days, key=None):
    """Return a CA certificate for 127.0.0.1 that ends so many days from now, and its key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    end = datetime.datetime.fromtimestamp(NOW, datetime.UTC) + days * DAY
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - 400 * DAY)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), key


@pytest.fixture
def look(tmp_path):
    """Look at a lab with these certificates beside the system's own, which has ended."""
    (tmp_path / "config").mkdir()
    system = make("an old CA of the distribution", -100)[0]
    (tmp_path / "system.pem").write_text(system)

    def look(*extra, text=None):
        bundle = tmp_path / "config/ca-bundle.pem"
        bundle.write_text("".join([system, *extra]) if text is None else text)
        return certificates.look(str(tmp_path), "http://127.0.0.1:8000", None, str(tmp_path / "system.pem"))

    return look


def codes(found):
    return [(problem.code, problem.severity) for problem in certificates.judge(found, NOW)]


@pytest.mark.parametrize(
    ("days", "expected"), [(30, []), (20, [("ca-ends", "warning")]), (-1, [("ca-ended", "warning")])]
)
def test_a_ca_of_the_lab_is_told_when_it_ends(look, days, expected):
    found = look(make("Campus CA", days)[0], make("Other CA", 300)[0])
    assert codes(found) == expected
    assert certificates.told(found).startswith("2 beside the server's own; the first to end is Campus CA, ")


def test_the_servers_own_cas_are_the_distributions_affair(look):
    found = look()
    assert codes(found) == []
    assert certificates.told(found) == "none but the server's own"


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n"])
def test_a_bundle_that_holds_nothing(look, text):
    assert codes(look(text=text)) == [("ca-bundle-unusable", "error")]


def test_without_a_lab_there_is_nothing_to_tell(tmp_path):
    assert codes(certificates.look(str(tmp_path), "http://127.0.0.1", None)) == []


@pytest.fixture
def door(tmp_path):
    """An HTTPS door whose certificate ends as asked; return its address and its CA."""
    opened = []

    def door(days):
        pem, key = make("lab.example.org", days)
        file = tmp_path / "door.pem"
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.write_text(pem + key.private_bytes(*form).decode())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        server = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        opened.append(server)
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        return f"https://127.0.0.1:{server.getsockname()[1]}", str(file)

    def answer(server):
        try:
            server.accept()[0].close()
        except OSError:
            return

    yield door
    for server in opened:
        server.close()


@pytest.mark.parametrize(("days", "expected"), [(300, []), (10, [("certificate-ends", "warning")])])
def test_an_https_door_is_told_when_its_certificate_ends(tmp_path, door, days, expected):
    url, ca = door(days)
    found = certificates.look(str(tmp_path), url, ca)
    assert [one["subject"] for one in found["certificates"]] == ["lab.example.org"]
    assert codes(found) == expected


def test_a_ca_that_is_not_there_is_left_to_the_look_through_the_door(tmp_path, door):
    url, _ca = door(300)
    assert codes(certificates.look(str(tmp_path), url, str(tmp_path / "none.pem"))) == []


def test_a_door_that_is_not_trusted_is_left_to_the_look_through_it(tmp_path, door):
    url, _ca = door(-1)
    assert codes(certificates.look(str(tmp_path), url, None)) == []
