"""A gzip stream from kept blocks has the bytes of one that is made from nothing."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coldforge.filetypes import blocks, gzips
from coldforge.filetypes.gzips import BLOCK, GzipWriter
from coldforge.host import cache

DATA = b"".join(b"line %d of what is packed\n" % number for number in range(250_000))


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLDFORGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def packed(data: bytes, level: int = gzips.LEVEL) -> bytes:
    raw = io.BytesIO()
    with GzipWriter(raw, level) as stream:
        stream.write(data)
    return raw.getvalue()


def test_a_stream_of_kept_blocks_is_the_same(root: Path) -> None:
    whole = len(DATA) // BLOCK
    assert whole >= 3
    made = packed(DATA)
    assert gzip.decompress(made) == DATA
    assert len(list((root / "block").iterdir())) == whole  # the rest at the end is not kept
    assert packed(DATA) == made
    changed = DATA[: 2 * BLOCK] + b"changed" + DATA[2 * BLOCK + 7 :]
    kept = packed(changed)
    assert gzip.decompress(kept) == changed
    assert len(list((root / "block").iterdir())) > whole
    with cache.forgetting(wanted=True):
        assert packed(changed) == kept
    for content in (root / "block").glob("*/content"):
        content.write_bytes(b"damaged")
    assert packed(changed) == kept


def test_levels_are_kept_apart() -> None:
    assert packed(DATA, 1) != packed(DATA, 6)
    assert gzip.decompress(packed(DATA, 1)) == gzip.decompress(packed(DATA, 6)) == DATA


def test_a_small_file_is_that_of_gzip_9n() -> None:
    data = DATA[: BLOCK // 2]
    made = gzips.small(data, gzips.BEST)
    assert made[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    assert made[10:] == gzip.compress(data, 9)[10:]


def test_a_file_is_compressed_once_for_all_streams_that_it_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while both are written, and nothing is recalled."""
    made: list[str] = []
    recalled = cache.recalled

    def counted(kind: str, key: str, make: Callable[[], bytes]) -> bytes:
        made.append(key)
        return recalled(kind, key, make)

    monkeypatch.setattr(cache, "recalled", counted)

    def stream(head: bytes) -> bytes:
        raw = io.BytesIO()
        with GzipWriter(raw) as writer:
            writer.write(head)
            writer.cut()
            writer.write(DATA)
            writer.cut()
            writer.write(head)
        return raw.getvalue()

    heads = [b"one", b"another" * 100]
    with ThreadPoolExecutor() as pool:
        streams = list(pool.map(stream, heads))
    assert [gzip.decompress(data) for data in streams] == [head + DATA + head for head in heads]
    assert len(set(made)) == len(DATA) // BLOCK


def test_what_fails_fails_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(cache, "recalled", failing)
    for _ in range(2):
        with pytest.raises(MemoryError):
            packed(DATA)
    assert blocks._RUNNING == {}
