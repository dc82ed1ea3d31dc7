"""zstd: one frame whose blocks do not lean on each other, so that what has not changed is not compressed again.

dpkg reads the first of several frames only, and the blocks of one frame share its window and the three offsets that were used last.
zstd's own way to compress one frame on several processors begins each of its jobs anew in both regards (ZSTD_c_overlapLog = 1: no
window from the job before). So a block is made as the second job of a frame whose first is one byte, and taken out of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import IO, Final

from coldforge.filetypes.blocks import KEPT, BlockWriter, Task, key

# A seventh smaller than gzip in a fourth of its time; 9 takes twice as long for four per cent, 12 five times for five.
LEVEL: Final = 6
# On a frozen tree of 50 MB such blocks make it half a per cent larger than a stream of one piece, those of a mebibyte two per cent.
BLOCK: Final = 1 << 22
_WINDOW_LOG: Final = 22
_ALONE: Final = 1 << 18
# RFC 8878: the magic number; a checksum and neither size nor dictionary; the window's size. And at the end an empty block, the last.
_HEAD: Final = b"\x28\xb5\x2f\xfd\x04" + bytes([(_WINDOW_LOG - 10) << 3])
_END: Final = b"\x01\x00\x00"
_BYTE: Final = b"\x00"
_FIRST: Final = len(_HEAD) + 3 + len(_BYTE)  # where the second job's blocks begin: the first's is one that is not compressed
_LAST, _REPEATED = 1, 1  # of a block's header: the lowest bit; a kind whose content is one byte
_SUMMED: Final = -50  # the level at which a checksum is had at the least cost


def tool() -> str:
    """Another zstd may write other bytes, and so may other blocks."""
    import zstandard

    return f"zstd {'.'.join(map(str, zstandard.ZSTD_VERSION))} level {LEVEL}, blocks of {BLOCK >> 20} MiB"


class ZstdWriter(BlockWriter):
    """Writes one frame with a checksum; see `BlockWriter`."""

    def __init__(self, raw: IO[bytes]) -> None:
        import zstandard

        super().__init__(raw, block=BLOCK, alone=_ALONE)
        # what is compressed here goes nowhere: only zstd itself knows its checksum, which ends the frame
        made = zstandard.ZstdCompressionParameters.from_level(_SUMMED, write_checksum=True)
        self._sum, self._end = zstandard.ZstdCompressor(compression_params=made).compressobj(), b""
        raw.write(_HEAD)

    def task(self, block: bytes, *, last: bool) -> Task:
        self._sum.compress(block)
        if last:
            self._end = self._sum.flush()[-4:]
        return key(tool(), block) if len(block) >= KEPT else "", partial(_second_job, block)

    def end(self) -> bytes:
        return _END + self._end


def _second_job(content: bytes) -> bytes:
    """The blocks of a content, none of which is the last."""
    import zstandard

    if not content:
        return b""
    words = {"threads": 1, "job_size": BLOCK, "overlap_log": 1, "window_log": _WINDOW_LOG, "write_content_size": False}
    made = zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters.from_level(LEVEL, **words)).compressobj()
    first = made.compress(_BYTE) + made.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    blocks = bytearray((first + made.compress(content) + made.flush())[_FIRST:])
    *_, last = _headers(blocks)
    blocks[last] &= ~_LAST
    return bytes(blocks)


def _headers(blocks: bytearray) -> Iterator[int]:
    """Where the headers of blocks stand that follow each other."""
    at = 0
    while at < len(blocks):
        yield at
        header = int.from_bytes(blocks[at : at + 3], "little")
        at += 3 + (1 if header >> 1 & 3 == _REPEATED else header >> 3)
