"""Parts of archives: each is found again by what is in it, and only those that are wanted stay."""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from contextlib import closing
from pathlib import Path

import pytest
from freezing.compressed import INDEX, PACK, Parts, is_package, key

FILES = {"one.txt": b"one " * 5000, "two.bin": bytes(range(256)) * 200}


def content(parts: Parts, digest: str) -> bytes:
    out = io.BytesIO()
    with closing(parts):
        assert parts.copy(digest, out) == len(out.getvalue())
    return out.getvalue()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    for name in ("kept", "work", "later"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_only_what_is_wanted_stays(work: Path) -> None:
    parts = Parts(str(work / "kept"), str(work / "work"))
    for name, data in FILES.items():
        parts.add(name, io.BytesIO(zlib.compress(data)))
    parts.save(work / "kept", {"one.txt", "unknown"})
    parts = Parts(str(work / "kept"), str(work / "later"))
    assert parts.places.keys() == {"one.txt"}
    assert zlib.decompress(content(parts, "one.txt")) == FILES["one.txt"]
    parts.add("two.bin", io.BytesIO(b"two"))
    parts.save(work / "kept", {"one.txt", "two.bin"})
    assert content(Parts(str(work / "kept"), str(work / "later")), "two.bin") == b"two"
    assert {path.name for path in (work / "kept").iterdir()} == {PACK, INDEX}


def test_a_part_that_is_cut_off_is_an_error(work: Path) -> None:
    (work / "kept" / PACK).write_bytes(b"123")
    (work / "kept" / INDEX).write_text(json.dumps({"a": [1, 5]}))
    with pytest.raises(EOFError, match="cut off"):
        content(Parts(str(work / "kept"), str(work / "work")), "a")


def test_the_key_tells_levels_apart() -> None:
    assert key(hashlib.sha256(b"x"), 6) == key(hashlib.sha256(b"x"), 6)
    assert len({key(hashlib.sha256(b"x"), 6), key(hashlib.sha256(b"x"), 9), key(hashlib.sha256(b"y"), 6)}) == 3


def test_a_package_is_told_by_its_file() -> None:
    assert is_package("/lib/pack/__init__.py")
    assert not is_package("/lib/pack/one.py")
