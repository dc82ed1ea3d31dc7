"""What is in packages that no bare system installs, and what starting it leaves open."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import zstandard

from coldforge.errors import BuildFailed
from coldforge.host import programs
from coldforge.smoke import unpacked

FILES = {"./usr/bin/demo": b"#!/bin/sh\n", "./usr/lib/demo/data": bytes(range(256)) * 40}


def tar(files: Mapping[str, bytes], *, end: bool = True) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        written = archive.offset
    return made.getvalue() if end else made.getvalue()[:written]


def ipk(data: bytes) -> bytes:
    return gzip.compress(tar({"./debian-binary": b"2.0\n", "./data.tar.gz": gzip.compress(data), "./control.tar.gz": b""}))


PACKAGES = {
    "tar.zst": zstandard.compress(tar(FILES)),
    "ipk": ipk(tar(FILES)),
    "apk": gzip.compress(tar({".PKGINFO": b"pkgname = demo\n"}, end=False)) + gzip.compress(tar(FILES)),
}


@pytest.mark.parametrize("form", PACKAGES)
def test_the_files_of_a_package_are_in_the_tar(form: str, tmp_path: Path) -> None:
    (tmp_path / "package").write_bytes(PACKAGES[form])
    with unpacked.files_of(tmp_path / "package", form) as found, tarfile.open(found) as archive:
        read = {member.name: stream.read() for member in archive if (stream := archive.extractfile(member))}
    assert {name: data for name, data in read.items() if name != ".PKGINFO"} == FILES
    assert not found.exists()


@pytest.mark.parametrize(
    ("form", "data"),
    [
        ("tar.zst", b"no package"),
        ("ipk", PACKAGES["ipk"][: len(PACKAGES["ipk"]) // 2]),
        ("ipk", gzip.compress(tar({"./control.tar.gz": b""}), mtime=0)),  # an id of a test has no time in it
        ("apk", PACKAGES["apk"][:-20]),
        ("apk", b"no package"),
    ],
)
def test_a_damaged_package_is_told(form: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / "demo.package").write_bytes(data)
    with pytest.raises(BuildFailed, match=r"^demo\.package cannot be unpacked$"), unpacked.files_of(tmp_path / "demo.package", form):
        pass


def test_what_is_left_open_is_told_of_each_format_that_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find", lambda name: None if name == "ostree" else Path(name))
    monkeypatch.setattr(programs, "version", "{} 4.5.1".format)
    made = {"deb", "tar.gz", "tar.zst", "ipk", "snap", "flatpak", "apk"}
    assert list(unpacked.unproven(made, {"deb", "apk"})) == [
        "the flatpak was tried nowhere: ostree, which unpacks it, is not on this machine",
        "the ipk was started from its files, not installed: no bare system has opkg",
        "the snap was started from its files, not installed, and without its base and confinement: snapd runs in no container",
    ]
    assert list(unpacked.unproven({"deb", "tar.zst"}, set())) == []
    assert next(unpacked.unproven({"apk"}, {"deb"})) == (
        "the apk was started from its files, not installed: no bare system for this target has apk"
    )


@pytest.mark.parametrize(
    ("version", "able"), [("unsquashfs 4.5", True), ("unsquashfs 4.6.1", True), ("unsquashfs 4.4-git.1", False), ("unsquashfs", False)]
)
def test_an_unsquashfs_that_is_too_old_is_none(version: str, able: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find", Path)
    monkeypatch.setattr(programs, "version", lambda _: version)
    absent = "the snap was tried nowhere: unsquashfs 4.5 or newer, which unpacks it, is not on this machine"
    assert (absent in unpacked.unproven({"snap"}, ())) is not able


def test_without_unsquashfs_no_version_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find", lambda _: None)
    assert unpacked.lacking("snap") == "unsquashfs 4.5 or newer"
