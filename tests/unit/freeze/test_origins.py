"""Which system package a file comes from, as dpkg and rpm answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from freezing import origins

LIBRARY = "/usr/lib/x86_64-linux-gnu"
OWNERS = f"""\
zlib1g:amd64: /lib/x86_64-linux-gnu/libz.so.1
diversion by dash from: {LIBRARY}/libdiverted.so
libffi8:amd64, libffi7:amd64: {LIBRARY}/libffi.so.8
bash-data: {LIBRARY}/libplain.so
"""
VERSIONS = "bash-data\t5.2-1\nlibffi8:amd64\t3.4.4-1\nzlib1g:amd64\t1:1.2.13\n"


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    yield
    origins.of_dpkg.cache_clear()
    origins.of_rpm.cache_clear()


def test_dpkg_is_asked_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def said(*command: str) -> str:
        asked.append(command)
        return OWNERS if command[1] == "-S" else VERSIONS

    monkeypatch.setattr(origins, "said", said)
    names = ("libz.so.1", "libffi.so.8", "libplain.so", "libdiverted.so", "libunknown.so")
    found = origins.of_dpkg(tuple(f"{LIBRARY}/{name}" for name in names))
    assert found == {
        f"{LIBRARY}/libz.so.1": ("zlib1g", "1:1.2.13"),
        f"{LIBRARY}/libffi.so.8": ("libffi8", "3.4.4-1"),
        f"{LIBRARY}/libplain.so": ("bash-data", "5.2-1"),
    }
    assert [command[1] for command in asked] == ["-S", "-W"]
    assert asked[1][-3:] == ("bash-data", "libffi8:amd64", "zlib1g:amd64")


def test_nothing_is_asked_of_packages_that_there_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "said", lambda *command: "" if command[1] == "-S" else pytest.fail("asked for versions of nothing"))
    assert origins.of_dpkg(("/opt/own/lib.so",)) == {}


@pytest.mark.parametrize(
    ("answer", "found"),
    [("zlib\t1.3-2\nother\t1\n", ("zlib", "1.3-2")), ("file /opt/lib.so is not owned by any package\n", None), ("", None)],
)
def test_rpm(answer: str, found: tuple[str, str] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "said", lambda *_: answer)
    assert origins.of_rpm("/opt/lib.so") == found


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/opt/homebrew/Cellar/openssl@3/3.3.1/lib/libssl.3.dylib", ("openssl@3", "3.3.1")),
        ("/usr/local/Cellar/xz/5.6.2/lib/liblzma.5.dylib", ("xz", "5.6.2")),
        ("/opt/local/lib/libz.dylib", ("/opt/local", "")),
        ("/usr/lib/libSystem.B.dylib", None),
        ("/opt/homebrewed/a", None),
    ],
)
def test_what_homebrew_installed_on_a_mac(path: str, found: tuple[str, str] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert origins.of_brew(path) is None, "of no other system"
    monkeypatch.setattr("sys.platform", "darwin")
    assert origins.of_brew(path) == found
