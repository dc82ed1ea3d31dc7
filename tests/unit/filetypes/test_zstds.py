"""A frame of zstd that is joined from blocks is read by zstd itself, and has the same bytes when blocks are kept."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import zstandard

from coldforge.filetypes import zstds
from coldforge.filetypes.zstds import BLOCK, ZstdWriter
from coldforge.host import cache

LINES = b"".join(b"line %d of what is packed\n" % number for number in range(500_000))
NOISE = random.Random(4).randbytes(300_000)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLDFORGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def packed(*pieces: bytes) -> bytes:
    raw = io.BytesIO()
    with ZstdWriter(raw) as stream:
        for piece in pieces:
            stream.write(piece)
            stream.cut()
    return raw.getvalue()


def frames(data: bytes) -> Sequence[bytes]:
    """What each frame holds; the library checks the sums at their ends."""
    found = []
    while data:
        reader = zstandard.ZstdDecompressor().decompressobj()
        found.append(reader.decompress(data))
        assert reader.eof
        data = reader.unused_data
    return found


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (b"",),
        (b"a",),
        (b"a" * 9, b"a" * 9),
        (bytes(3 * BLOCK),),  # blocks of one byte that is repeated
        (b"abcd" * 50_000, b"d" + b"abcd" * 50_000, b"abcdabcd" * 20_000),  # what repeats at the offsets that a frame begins with
        (NOISE, NOISE[1:], b"x", NOISE),  # what cannot be compressed
        (LINES, NOISE, LINES[7:]),
    ],
    ids=["nothing", "empty", "byte", "short", "zeros", "repeats", "noise", "lines"],
)
def test_it_is_one_frame_that_holds_what_was_written(pieces: tuple[bytes, ...]) -> None:
    assert frames(packed(*pieces)) == [b"".join(pieces)]


def test_a_damaged_byte_is_noticed() -> None:
    made = bytearray(packed(NOISE))
    made[len(made) // 2] ^= 1
    with pytest.raises(zstandard.ZstdError):
        frames(bytes(made))


def test_a_frame_of_kept_blocks_is_the_same(root: Path) -> None:
    made = packed(LINES, NOISE)
    kept = {entry.name for entry in (root / "block").iterdir()}
    assert len(kept) == -(-len(LINES) // BLOCK) + 1
    assert packed(LINES, NOISE) == made
    changed = packed(LINES, NOISE[1:])
    assert len(kept ^ {entry.name for entry in (root / "block").iterdir()}) == 1
    with cache.forgetting(wanted=True):
        assert packed(LINES, NOISE[1:]) == changed
        assert packed(LINES, NOISE) == made


def test_how_it_is_written_does_not_depend_on_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    made = packed(LINES)
    monkeypatch.setattr("os.cpu_count", lambda: 7)
    with cache.forgetting(wanted=True):
        assert packed(LINES) == made


def test_blocks_cost_little(root: Path) -> None:
    """Against one stream of the library's own."""
    whole = zstandard.ZstdCompressor(level=zstds.LEVEL).compress(LINES)
    assert len(packed(LINES)) < 1.02 * len(whole)
