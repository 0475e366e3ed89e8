"""Where apt takes a release from, in both formats of its sources."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_apt as apt

DEB822 = """\
# A comment
Types: deb deb-src
URIs: http://mirror.example/debian
# http://elsewhere.example/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
"""


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        pytest.param("a.sources", DEB822, "http://mirror.example/debian", id="deb822"),
        pytest.param("a.sources", DEB822.replace("Types: deb deb-src", "Types: deb-src"), "", id="sources only"),
        pytest.param("a.sources", "Enabled: no\n" + DEB822.partition("\n\n")[0], "", id="switched off"),
        pytest.param("a.sources", "types: deb\nuris:\n http://a\nsuites: bookworm\n", "http://a", id="folded"),
        pytest.param("a.list", "deb http://b/debian bookworm main\n", "http://b/debian", id="one line"),
        pytest.param("a.list", "deb [arch=amd64 signed-by=/k] http://b bookworm main", "http://b", id="with options"),
        pytest.param("a.list", "# deb http://b bookworm main\ndeb http://c bookworm-updates main\n", "", id="another"),
        pytest.param(
            "a.list",
            "deb mirror+file:/etc/apt/mirrors/d.list bookworm main\n",
            "mirror+file:/etc/apt/mirrors/d.list",
            id="list of mirrors",
        ),
        pytest.param("a.list", "", "", id="empty"),
    ],
)
def test_mirror(path, text, found):
    assert apt.mirror({path: text}, "bookworm") == found


def test_the_first_source_that_has_the_release_counts():
    sources = {"1.list": "deb http://x trixie main", "2.list": "deb http://y bookworm main", "3.sources": DEB822}
    assert apt.mirror(sources, "bookworm") == "http://y"


def test_sources_are_read_where_apt_reads_them(tmp_path):
    (tmp_path / "sources.list.d").mkdir()
    for name in ("sources.list", "sources.list.d/b.sources", "sources.list.d/a.list", "sources.list.d/c.list.off"):
        (tmp_path / name).write_text(name)
    assert [path.rpartition("/")[2] for path in apt.read_sources(str(tmp_path))] == [
        "sources.list",
        "a.list",
        "b.sources",
    ]


def test_a_server_without_apt_has_no_sources(tmp_path):
    assert apt.read_sources(str(tmp_path / "none")) == {}


DEB822 = "Types: deb\nURIs: http://m/debian\nSuites: trixie\nComponents: main\nSigned-By: /k/debian.pgp\n"


@pytest.mark.parametrize(
    ("sources", "key"),
    [
        ({"/a.sources": DEB822}, "/k/debian.pgp"),
        ({"/a.sources": DEB822.replace("debian\n", "debian/\n", 1)}, "/k/debian.pgp"),
        ({"/a.sources": DEB822.replace("Signed", "#Signed")}, ""),
        ({"/a.sources": DEB822.replace("//m", "//other")}, ""),
        ({"/a.list": "deb [arch=amd64 signed-by=/k/old.gpg] http://m/debian trixie main\n"}, "/k/old.gpg"),
        ({"/a.list": "# deb [signed-by=/k/old.gpg] http://m/debian trixie main\n"}, ""),
        ({}, ""),
    ],
)
def test_the_keys_that_a_source_trusts(sources, key):
    assert apt.signed_by(sources, "http://m/debian") == key
