"""Windows' own Python: which one is taken, and that nothing but the pinned one is."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from coldforge.errors import ConfigurationError, Missing, Refused
from coldforge.freeze.windows import LOCK, check_wheel, choose, unpack
from coldforge.host import cache
from coldforge.project.config import EnvironmentConfig
from coldforge.target import Target

HOUSE = EnvironmentConfig(wheelhouse="wheels")
FILES = {
    "cp313/python.exe": b"MZ",
    "cp313/include/patchlevel.h": b'/* */\n#define PY_VERSION      \t"3.13.2"\n#define PY_VERSION_HEX 0\n',
    "cp313/Lib/os.py": b"",
    "cp313/Lib/venv/scripts/nt/python.exe": b"MZ of environments",
    "cp313/Lib/site-packages/pip/__init__.py": b"",
    "cp313/Scripts/pip.exe": b"MZ",
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path) -> Iterator[None]:
    with cache.apart(tmp_path / "cache"):
        yield


def packed(*datas: dict[str, bytes]) -> bytes:
    """A source distribution with these interpreters in it; running its setup.py would fail."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for number, data in enumerate(datas):
            inner = io.BytesIO()
            with zipfile.ZipFile(inner, "w") as archive:
                for name, content in data.items():
                    archive.writestr(name, content)
            _add(tar, f"apython-3.13.1/src{number}/apython/data.zip", inner.getvalue())
        _add(tar, "apython-3.13.1/setup.py", b"raise SystemExit('it was run')\n")
        _add(tar, "apython-3.13.1/PKG-INFO", b"Metadata-Version: 2.1\nName: apython\nVersion: 3.13.1\n")
    return out.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def offer(project: Path, data: bytes, pinned: bytes = b"") -> None:
    """A project with a wheelhouse that has it, and a table that pins it."""
    (project / "wheels").mkdir()
    (project / "wheels/apython-3.13.1.tar.gz").write_bytes(data)
    (project / LOCK).parent.mkdir(parents=True)
    (project / LOCK).write_text(f"apython==3.13.1 --hash=sha256:{hashlib.sha256(pinned or data).hexdigest()}\n")


def test_the_newest_that_fits_is_taken(tmp_path: Path) -> None:
    assert choose("", ">=3.11", tmp_path).minor == "3.13"
    assert choose("", ">=3.11,<3.13", tmp_path).minor == "3.12"
    assert choose("3.11", ">=3.10.4", tmp_path).minor == "3.11"
    assert choose("cpython-3.12", "", tmp_path).minor == "3.12"


@pytest.mark.parametrize(("wanted", "requires"), [("3.9", ""), ("", ">=3.99"), ("/usr/bin/python3", ""), ("3.12.1", "")])
def test_one_that_is_not_pinned_is_missing(wanted: str, requires: str, tmp_path: Path) -> None:
    with pytest.raises(Missing) as error:
        choose(wanted, requires, tmp_path)
    assert "3.11, 3.12, 3.13" in error.value.why
    assert "on Windows itself" in error.value.hint


def test_it_is_unpacked_without_its_distributions_and_nothing_of_it_is_run(tmp_path: Path) -> None:
    offer(tmp_path, packed(FILES))
    made = tmp_path / "made"
    assert unpack(choose("", "", tmp_path), tmp_path, HOUSE, made) == "3.13.2"
    assert sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()) == [
        "Lib/os.py", "Lib/venv/scripts/nt/python.exe", "include/patchlevel.h", "python.exe",
    ]  # fmt: skip
    assert (made / "python.exe").read_bytes() == b"MZ"
    assert (made / "Lib/site-packages").is_dir()


def test_another_file_is_refused(tmp_path: Path) -> None:
    offer(tmp_path, packed(FILES), pinned=b"another")
    with pytest.raises(Refused, match=r"apython-3.13.1.tar.gz is not what is pinned"):
        unpack(choose("", "", tmp_path), tmp_path, HOUSE, tmp_path / "made")


@pytest.mark.parametrize("datas", [(), (FILES, FILES), ({"cp313/README": b""},)])
def test_what_holds_no_interpreter_or_two_is_refused(datas: tuple[dict[str, bytes], ...], tmp_path: Path) -> None:
    offer(tmp_path, packed(*datas))
    with pytest.raises(Refused, match="holds no Python for Windows"):
        unpack(choose("", "", tmp_path), tmp_path, HOUSE, tmp_path / "made")


def test_where_it_cannot_be_had_that_is_said(tmp_path: Path) -> None:
    offer(tmp_path, packed(FILES))
    (tmp_path / "wheels/apython-3.13.1.tar.gz").unlink()
    with pytest.raises(Missing, match=r"apython==3\.13\.1 cannot be had") as error:
        unpack(choose("", "", tmp_path), tmp_path, HOUSE, tmp_path / "made")
    assert "wheelhouse wheels" in error.value.hint


def test_a_wheel_of_this_systems_machine_code_is_refused() -> None:
    check_wheel("demo-1.0-py3-none-any.whl", Target("windows", "x86_64"))
    with pytest.raises(ConfigurationError, match="windows-x86_64"):
        check_wheel("demo-1.0-cp313-cp313-linux_x86_64.whl", Target("windows", "x86_64"))
