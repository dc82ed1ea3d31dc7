"""Parts of archives, compressed once: kept by the digest of what is in them, and copied where the same comes again.

PyInstaller compresses every file of a one-file program and every module by itself. The key of a part is the digest of
the bytes in it, with what else decides how it is written: the compressor's version and the level.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zlib
from collections.abc import Collection
from pathlib import Path
from types import CodeType
from typing import IO, Any, NamedTuple

from freezing import byte_code

PACK, INDEX = "parts", "parts.json"
PIECE = 1 << 20


class Place(NamedTuple):
    """Where a part is: its file, its first byte there, and how many there are."""

    path: str
    start: int
    size: int


class Module(NamedTuple):
    """In the place of a module's code: the digest of its part. It is written without being read."""

    digest: str


class Parts:
    """The parts that are there already, and those that this freeze makes, in a file of `work`."""

    def __init__(self, kept: str, work: str) -> None:
        self.places = recorded(Path(kept))
        self.made = Path(work) / PACK
        self.used: set[str] = set()
        self.sources: dict[str, IO[bytes]] = {}  # open: thousands of parts are in two files

    def module(self, name: str, source: str, code: CodeType) -> Module:
        """A module as the archive of modules has it."""
        from PyInstaller.archive.writers import ZlibArchiveWriter
        from PyInstaller.building.utils import replace_filename_in_code_object

        path = Path(*name.split("."))
        called = path / "__init__.py" if is_package(source) else path.parent / f"{path.name}.py"
        data = byte_code.dumps(replace_filename_in_code_object(code, str(called)))
        level = ZlibArchiveWriter._COMPRESSION_LEVEL  # noqa: SLF001  # there is no other name for it
        digest = key(hashlib.sha256(data), level)
        if digest not in self.places:
            self.add(digest, io.BytesIO(zlib.compress(data, level)))
        self.used.add(digest)
        return Module(digest)

    def add(self, digest: str, content: IO[bytes]) -> None:
        """Take a part: what there is from here on."""
        with self.made.open("ab") as pack:
            start = pack.seek(0, os.SEEK_END)
            shutil.copyfileobj(content, pack, PIECE)
            self.places[digest] = Place(str(self.made), start, pack.tell() - start)

    def copy(self, digest: str, out: IO[bytes]) -> int:
        """Write a part; its size, as a number of its own: marshal tells one that it meets again from an equal one."""
        self.used.add(digest)
        start = out.tell()
        self.transfer(digest, out)
        return out.tell() - start

    def transfer(self, digest: str, out: IO[bytes]) -> None:
        """Copy a part, piece by piece."""
        path, start, left = self.places[digest]
        if path not in self.sources:
            self.sources[path] = Path(path).open("rb")  # noqa: SIM115  # `close` closes it
        source = self.sources[path]
        source.seek(start)
        while left:
            if not (piece := source.read(min(left, PIECE))):
                raise EOFError(f"{path} is cut off")
            left -= out.write(piece)

    def save(self, kept: Path, wanted: Collection[str]) -> None:
        """Keep these, and no others."""
        index, pack = {}, kept / f"{PACK}.new"
        with pack.open("wb") as out:
            for digest in sorted(self.places.keys() & set(wanted)):
                index[digest] = (out.tell(), self.places[digest].size)
                self.transfer(digest, out)
        self.close()
        pack.replace(kept / PACK)
        replace(kept / INDEX, json.dumps(index, sort_keys=True))

    def close(self) -> None:
        """Close the files."""
        for source in self.sources.values():
            source.close()
        self.sources.clear()


def recorded(kept: Path) -> dict[str, Place]:
    """The parts that a folder holds."""
    if not (kept / INDEX).is_file():
        return {}
    index = json.loads((kept / INDEX).read_text(encoding="utf-8"))
    return {digest: Place(str(kept / PACK), start, size) for digest, (start, size) in index.items()}


def replace(path: Path, text: str) -> None:
    """Put a new file in the place of one that may be the cache's own, and is not written to."""
    made = path.with_name(f"{path.name}.new")
    made.write_text(text, encoding="utf-8")
    made.replace(path)


def key(content: Any, level: int) -> str:
    """The key of what has been put into a sha256."""
    content.update(f" zlib {zlib.ZLIB_RUNTIME_VERSION} {level}".encode())
    return str(content.hexdigest())


def is_package(source: str) -> bool:
    """Whether a module is a package, by its file."""
    return Path(source).stem == "__init__"


def install(parts: Parts) -> None:
    """Let PyInstaller's writers take parts from there, and leave there what they had to compress."""
    from PyInstaller.archive import writers

    write_module = writers.ZlibArchiveWriter._write_entry  # noqa: SLF001  # there is no public way
    write_file = writers.CArchiveWriter._write_file  # noqa: SLF001

    def module(out: Any, entry: tuple[str, str, str], codes: dict[str, Any]) -> Any:
        name, source, _ = entry
        if not isinstance(code := codes.get(name), Module):
            return write_module(out, entry, codes)
        kind = writers.PYZ_ITEM_PKG if is_package(source) else writers.PYZ_ITEM_MODULE
        return name, (kind, out.tell(), parts.copy(code.digest, out))

    def file(writer: Any, out: Any, source: str, name: str, kind: str, *, compress: bool = False) -> Any:
        if not compress:
            return write_file(writer, out, source, name, kind, compress=compress)
        with Path(source).open("rb") as stream:
            digest = key(hashlib.file_digest(stream, "sha256"), writers.CArchiveWriter._COMPRESSION_LEVEL)  # noqa: SLF001
        start = out.tell()
        if digest in parts.places:
            return start, parts.copy(digest, out), Path(source).stat().st_size, 1, kind, name
        entry = write_file(writer, out, source, name, kind, compress=compress)
        out.flush()
        with Path(out.name).open("rb") as written:
            written.seek(start)
            parts.add(digest, written)
        parts.used.add(digest)
        return entry

    writers.ZlibArchiveWriter._write_entry = staticmethod(module)  # noqa: SLF001
    writers.CArchiveWriter._write_file = file  # noqa: SLF001
