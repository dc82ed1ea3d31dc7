"""Packages that lie about themselves: they are told, and cost nothing."""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard

from coldforge.errors import ConfigurationError
from coldforge.host import programs
from coldforge.inspect.contents import Bounded, unpacked
from coldforge.inspect.look import inspect
from coldforge.inspect.packages import _cpio
from coldforge.inspect.survey import Survey
from support import runtimes


def cpio(name: bytes, data: bytes = b"", *, mode: int = 0o100644, size: int | None = None, length: int | None = None) -> bytes:
    """An entry of a cpio archive of the new ASCII format, with sizes that may be untrue."""
    name += b"\0"
    values = [1, mode, 0, 0, 1, 0, len(data) if size is None else size, 0, 0, 0, 0, len(name) if length is None else length, 0]
    head = b"070701" + b"".join(b"%08X" % value for value in values) + name
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


END = cpio(b"TRAILER!!!")


def test_entries_of_a_payload_are_what_they_are() -> None:
    stream = io.BytesIO(
        cpio(b"./usr/a", b"text\n", mode=0o104755) + cpio(b"./l", b"usr/a", mode=0o120777) + cpio(b"./d", mode=0o40755) + END
    )  # fmt: skip
    found = {item.path: item for item in _cpio(stream, Survey())}
    assert (found["./usr/a"].size, found["./usr/a"].mode, found["./usr/a"].note) == (5, "4755", "has special rights")
    assert (found["./l"].kind, found["./l"].link) == ("link", "usr/a")
    assert found["./d"].kind == "directory"


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (cpio(b"a", length=1 << 30), ValueError, "a name of 1073741824 bytes"),
        (cpio(b"a", mode=0o120777, size=1 << 31), ValueError, "a link of"),
        (cpio(b"a", b"x", size=1 << 31), EOFError, "cut off"),
        (cpio(b"a", b"x"), EOFError, "cut off"),
        (b"070707" + bytes(200), ValueError, "another format"),
    ],
)
def test_what_a_payload_claims_is_not_believed(data: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        list(_cpio(io.BytesIO(data), Survey()))


def test_what_unpacks_to_more_than_is_looked_at_is_refused() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(200 << 20))
    assert len(bomb) < 50_000
    reader = Bounded(unpacked(io.BytesIO(bomb), ".zst"), 100 << 20, refuse=True)
    with pytest.raises(ValueError, match="more than is looked at"):
        while reader.read(1 << 20):
            pass


def test_several_frames_are_one_stream_and_half_of_one_is_none() -> None:
    packed = zstandard.ZstdCompressor().compress(b"one ") + zstandard.ZstdCompressor(write_checksum=True).compress(b"two")
    reader = unpacked(io.BytesIO(packed), ".zst")
    assert b"".join(iter(lambda: reader.read(3), b"")) == b"one two"
    reader = unpacked(io.BytesIO(packed[:-1]), ".zst")
    with pytest.raises(EOFError):
        while reader.read(3):
            pass


def test_a_package_that_says_nothing_of_itself_is_damaged(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.apk", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo(".PKGINFO"))
    with pytest.raises(ConfigurationError, match=r"x\.apk cannot be read: it is damaged"):
        inspect(tmp_path / "x.apk")


def test_an_appimage_says_where_newer_ones_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find", lambda _: None)
    superblock = struct.pack("<4sIIIIHHHHHHQQQ", b"hsqs", 7, 1_700_000_000, 131072, 0, 6, 17, 0, 1, 4, 0, 0, 56, 0)
    data = bytearray(runtimes.by_hand())
    data[64:84] = b"zsync|https://x/y.zs"
    (tmp_path / "x.AppImage").write_bytes(bytes(data) + superblock)
    found = inspect(tmp_path / "x.AppImage")
    assert (found.kind, found.fields["updates"], found.fields["entries"]) == ("appimage", "zsync|https://x/y.zs", "7")
    assert found.items == ()
    assert found.fields["its files"].startswith("not looked at: unsquashfs is not installed. `apt-get install squashfs-tools`")
    (tmp_path / "x.AppImage").write_bytes(bytes(data) + superblock[:-8])
    with pytest.raises(ConfigurationError, match="it is damaged"):
        inspect(tmp_path / "x.AppImage")


def test_a_zip_is_listed_and_read_to_the_end(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("to")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder")
        archive.writestr("folder/größe.txt", "text\n" * 99)
        archive.writestr(link, "folder")
    found = {item.path: item for item in inspect(tmp_path / "x.zip").items}
    assert found["folder/"].kind == "directory"
    assert found["folder/größe.txt"].sha256 == hashlib.sha256(b"text\n" * 99).hexdigest()
    assert (found["to"].kind, found["to"].link) == ("link", "folder")
    data = bytearray((tmp_path / "x.zip").read_bytes())
    data[data.index(b"folder/gr") + len("folder/größe.txt".encode()) + 2] ^= 1
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(ConfigurationError, match="it is damaged"):
        inspect(tmp_path / "x.zip")
