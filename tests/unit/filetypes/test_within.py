"""Archives in archives: everything in them is found under its name, and what is damaged holds nothing."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import marshal
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.filetypes.marshalled import loads
from coldforge.filetypes.packed import entries
from coldforge.filetypes.within import module_table, pieces
from support.containers import carchive, packed_modules, zipped


def inside(data: bytes) -> dict[tuple[str, ...], bytes]:
    """Everything in a file, by the names that lead to it."""
    return {names: whole(stream) for names, stream in pieces(io.BytesIO(data), ("file",))}


def whole(stream: BinaryIO) -> bytes:
    stream.seek(0)
    return stream.read()


def test_a_file_of_another_kind_is_itself_only() -> None:
    assert inside(b"text") == {("file",): b"text"}
    assert inside(b"") == {("file",): b""}


def test_a_programs_modules_libraries_and_zips_are_found() -> None:
    library = zipped({"os.pyc": b"code of os"})
    made = carchive({"PYZ.pyz": packed_modules({"demo.cli": b"code of demo"}), "base_library.zip": library, "lib/a.so": b"\x7fELFa"})
    found = inside(made)
    assert found[("file", "PYZ.pyz", "demo.cli")] == b"code of demo"
    assert found[("file", "base_library.zip", "os.pyc")] == b"code of os"
    assert found[("file", "lib/a.so")] == b"\x7fELFa"
    assert found[("file",)] == made


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_data_is_unpacked(compress: Callable[[bytes], bytes]) -> None:
    assert inside(compress(b"text" * 1000))[("file", "unpacked")] == b"text" * 1000
    assert ("file", "unpacked") not in inside(compress(b"text" * 1000)[:-9])


@pytest.mark.parametrize("compress", [gzip.compress, lambda data: zipped({"unpacked": data})])
def test_what_is_too_large_does_not_fill_the_memory(compress: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coldforge.filetypes.within._LARGEST", 1000)
    assert all(len(data) <= 1000 for data in inside(compress(bytes(100_000))).values())


def test_names_that_marshal_refers_to_by_number_are_read() -> None:
    name = "größe.module"
    toc = [(name, (0, 17, 3)), ("b", (1, 20, 0)), (name, (0, 17, 3))]
    assert module_table(io.BytesIO(b"PYZ\0" + b"mgc!" + struct.pack("!I", 12) + marshal.dumps(toc))) == [
        (name, 17, 3),
        ("b", 20, 0),
        (name, 17, 3),
    ]


def test_a_namespace_package_has_no_code() -> None:
    assert inside(packed_modules({"space": b""}))[("file", "space")] == b""


def test_archives_in_archives_end_somewhere() -> None:
    data = b"core"
    for _ in range(10):
        data = zipped({"inner.zip": data})
    assert max(len(names) for names in inside(data)) == 5


@pytest.mark.parametrize("cut", [1, 5, 30, 60])
def test_a_cut_archive_is_the_file_and_what_comes_before_the_damage(cut: int) -> None:
    data = packed_modules({"a": b"a" * 50, "b": b"b" * 50})[:-cut]
    assert inside(data)[("file",)] == data


def test_what_is_not_compressed_as_it_says_is_not_there() -> None:
    good = zlib.compress(b"good")
    data = bytearray(carchive({"a": b"x" * 100}))
    data[data.index(zlib.compress(b"x" * 100)) + 3] ^= 0xFF
    assert set(inside(bytes(data))) == {("file",)}
    assert [entry.name for entry in entries(io.BytesIO(bytes(data)))] == ["a"]
    assert zlib.decompress(good) == b"good"


def test_an_encrypted_zip_is_only_itself() -> None:
    data = bytearray(zipped({"a": b"secret"}))
    place = data.index(b"PK\1\2")
    data[place + 8] |= 1
    assert set(inside(bytes(data))) == {("file",)}
    with pytest.raises(RuntimeError):
        zipfile.ZipFile(io.BytesIO(bytes(data))).read("a")


@given(st.recursive(st.integers(0, 2**31 - 1) | st.text(max_size=300), lambda inner: st.lists(inner, max_size=5), max_leaves=20))
def test_marshal_is_read_as_it_writes(value: Any) -> None:
    assert loads(marshal.dumps(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_after_the_mark_of_modules_are_survived(rest: bytes) -> None:
    assert inside(b"PYZ\0" + rest)[("file",)] == b"PYZ\0" + rest
