"""Linux packages unpacked by the tools of their own families, and what lies there then."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from pathlib import Path
from typing import BinaryIO

import zstandard

from support.require import tool


def unpack(form: str, package: Path, folder: Path) -> Path:
    """What a package of this format installs, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    if form == "deb":
        subprocess.run([tool("dpkg-deb", "apt-get install dpkg"), "-x", package, folder], check=True)
    elif form == "rpm":
        with subprocess.Popen([tool("rpm2cpio", "apt-get install rpm2cpio"), package], stdout=subprocess.PIPE) as unpacking:
            subprocess.run([tool("cpio", "apt-get install cpio"), "-id", "--quiet"], stdin=unpacking.stdout, cwd=folder, check=True)
    elif form == "ipk":
        with tarfile.open(package) as outer:
            data = outer.extractfile("./data.tar.gz")
            assert data is not None
            subprocess.run(["tar", "-xzf", "-", "-C", folder], input=data.read(), check=True)
    else:
        with package.open("rb") as raw, _tar(form, raw) as tar:
            tar.extractall(folder, filter=lambda member, _path: None if member.name.startswith(".") else member)
    return folder


def listing(folder: Path) -> dict[str, tuple[str, str]]:
    """Each path with its mode, and the link or the digest of what it holds; folders that hold something are left out."""
    return {
        path.relative_to(folder).as_posix(): (f"{path.lstat().st_mode:o}", _held(path))
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file() or not any(path.iterdir())
    }


def _tar(form: str, raw: BinaryIO) -> tarfile.TarFile:
    return tarfile.open(fileobj=zstandard.open(raw, "rb"), mode="r|") if form == "arch" else tarfile.open(fileobj=raw, mode="r:gz")


def _held(path: Path) -> str:
    if path.is_symlink():
        return path.readlink().as_posix()
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
