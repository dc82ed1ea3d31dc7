"""Folders into archives and back: normalised on the way in, distrusted on the way out."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from coldforge.errors import Refused

EPOCH = 315532800  # whatever goes into a workshop is that old; outputs get their own time later


def pack(source: Path, archive: Path, *, name: str, owner: int = 0) -> None:
    """Write a file or folder as a tar whose top entry is the path `name`: sorted, fixed modes and times, one owner."""
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        for parent in reversed(PurePosixPath(name).parents):
            if parent != PurePosixPath():
                tar.addfile(_info(parent.as_posix(), owner, kind=tarfile.DIRTYPE, mode=0o755))
        for path, entry in _walk(source, name):
            if path.is_symlink():
                tar.addfile(_info(entry, owner, kind=tarfile.SYMTYPE, mode=0o777, link=str(path.readlink())))
            elif path.is_dir():
                tar.addfile(_info(entry, owner, kind=tarfile.DIRTYPE, mode=0o755))
            else:
                mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
                info = _info(entry, owner, kind=tarfile.REGTYPE, mode=mode)
                info.size = path.stat().st_size
                with path.open("rb") as stream:
                    tar.addfile(info, stream)


def _walk(source: Path, name: str) -> Iterator[tuple[Path, str]]:
    yield source, name
    if source.is_dir() and not source.is_symlink():
        for path in sorted(source.rglob("*")):
            yield path, f"{name}/{path.relative_to(source).as_posix()}"


def _info(name: str, owner: int, *, kind: bytes, mode: int, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname, info.mtime = kind, mode, link, EPOCH
    info.uid = info.gid = owner
    return info


def extract(tar: tarfile.TarFile, destination: Path, *, strip: int = 0) -> None:
    """Unpack into `destination` (a file, if the archive holds just one at its top), without trusting the archive.

    `strip` leading parts of every name are dropped. Modes become 755 or 644. Raises Refused for
    absolute names, names with `..`, links that lead out of the folder, devices, and hard links to nothing.
    """
    for member in tar:
        parts = PurePosixPath(member.name).parts
        if member.name.startswith("/") or ".." in parts:
            raise Refused(f"the archive has an entry outside of its folder: {member.name!r}")
        inner = PurePosixPath(*parts[strip:])
        target = destination / inner
        if not _inside(target.parent, destination):
            raise Refused(f"the archive writes through a link: {member.name!r}")
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
        elif member.issym():
            _link(target, member.linkname, destination)
        elif member.isfile() or member.islnk():
            _file(tar, member, target)
        else:
            raise Refused(f"the archive has an entry that is neither file, folder nor link: {member.name!r}")


def _inside(path: Path, root: Path) -> bool:
    return path == root.parent or path.resolve().is_relative_to(root.resolve())


def _link(target: Path, text: str, root: Path) -> None:
    if text.startswith("/") or not (target.parent / text).resolve().is_relative_to(root.resolve()):
        raise Refused(f"the archive has a link that leads out of its folder: {target.name} -> {text}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.symlink_to(text)


def _file(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    source = tar.extractfile(member)
    if source is None:
        raise Refused(f"the archive has a hard link to nothing: {member.name!r}")
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.is_file():
        target.unlink()
    with source, target.open("wb") as stream:
        shutil.copyfileobj(source, stream, 1 << 20)
    target.chmod(0o755 if member.mode & 0o100 else 0o644)
