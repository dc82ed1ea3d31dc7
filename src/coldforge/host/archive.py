"""Folders into archives and back: normalised on the way in, distrusted on the way out."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final, Self

from coldforge.errors import Refused

EPOCH: Final = 946684800  # 2000, what ZIP can tell in every time zone: how old everything in a workshop is; outputs get their own time
HEADER: Final = 1 << 20  # bytes of a long name or of a PAX header; whoever writes more is asking for trouble
_LONG: Final = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)


class Header(tarfile.TarInfo):
    """An entry's header that is refused when it announces more header than anybody needs: `tarinfo` of a tar that is not trusted."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        made = super().frombuf(buf, encoding, errors)
        if made.type in _LONG and made.size > HEADER:
            raise ValueError(f"a header of {made.size} bytes")
        return made


def pack(source: Path, archive: Path, *, name: str, owner: int = 0, left_out: Callable[[Path], bool] | None = None) -> None:
    """Write a file or folder as a tar whose top entry is the path `name`: sorted, fixed modes and times, one owner.

    Links are kept as they are; what is `left_out` is not there, with all below it.
    Raises Refused for what is neither file, folder nor link: reading it might never end.
    """
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        for parent in reversed(PurePosixPath(name).parents[:-1]):
            tar.addfile(_info(parent.as_posix(), owner, kind=tarfile.DIRTYPE, mode=0o755))
        for path, entry in _walk(source, name, left_out):
            _add(tar, path, entry, owner)


def _walk(source: Path, name: str, left_out: Callable[[Path], bool] | None) -> Iterator[tuple[Path, str]]:
    yield source, name
    if source.is_dir() and not source.is_symlink():
        for path in sorted(source.iterdir()):
            if left_out is None or not left_out(path):
                yield from _walk(path, f"{name}/{path.name}", left_out)


def _add(tar: tarfile.TarFile, path: Path, entry: str, owner: int) -> None:
    if path.is_symlink():
        tar.addfile(_info(entry, owner, kind=tarfile.SYMTYPE, mode=0o777, link=str(path.readlink())))
    elif path.is_dir():
        tar.addfile(_info(entry, owner, kind=tarfile.DIRTYPE, mode=0o755))
    elif path.is_file():
        info = _info(entry, owner, kind=tarfile.REGTYPE, mode=plain_mode(path.stat().st_mode))
        with path.open("rb") as stream:
            info.size = path.stat().st_size
            tar.addfile(info, stream)
    else:
        raise Refused(f"{path} is neither file, folder nor link")


def _info(name: str, owner: int, *, kind: bytes, mode: int, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname, info.mtime = kind, mode, link, EPOCH
    info.uid = info.gid = owner
    return info


def plain_mode(mode: int) -> int:
    """The one of two modes that a file keeps: executable by its owner, and so by all, or not."""
    return 0o755 if mode & 0o100 else 0o644


def extract(tar: tarfile.TarFile, destination: Path, *, strip: int = 0) -> None:
    """Unpack into `destination` (a file, if the archive holds just one at its top), without trusting the archive.

    `strip` leading parts of every name are dropped. Modes become 755 or 644. Raises Refused for absolute names,
    names with `..`, links that lead out of the folder (through each other, too), devices, hard links to
    nothing, entries that contradict each other, and archives that are damaged. What it wrote before is left.
    The standard library's own filter is not used: Debian 12's Python 3.11.2 does not have it (PEP 706).
    """
    try:
        for member in tar:
            _entry(tar, member, destination, strip)
    except (tarfile.TarError, EOFError) as error:
        raise Refused("the archive is damaged", why=str(error)) from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise Refused("the archive has entries that contradict each other", why=str(error.filename)) from error
    check_links(destination)


def _entry(tar: tarfile.TarFile, member: tarfile.TarInfo, destination: Path, strip: int) -> None:
    parts = PurePosixPath(member.name).parts
    if member.name.startswith("/") or ".." in parts:
        raise Refused(f"the archive has an entry outside of its folder: {member.name!r}")
    target = destination.joinpath(*parts[strip:])
    if target != destination and not _inside(target.parent, destination):
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
    """Whether a path leads into a folder. Links in a circle lead nowhere: Python says so until 3.12, and leaves them as they are since."""
    try:
        place = path.resolve()
    except (OSError, RuntimeError):
        return False
    return place.is_relative_to(root.resolve()) and not any(part.is_symlink() for part in (place, *place.parents))


def _link(target: Path, text: str, root: Path) -> None:
    if target == root or text.startswith("/") or not _inside(target.parent / text, root):
        raise Refused(f"a link leads out of its folder: {target.name} -> {text}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.symlink_to(text)


def _file(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    try:
        source = tar.extractfile(member)
    except KeyError:
        source = None
    if source is None:
        raise Refused(f"the archive has a hard link to nothing: {member.name!r}")
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.is_file():
        target.unlink()
    with source, target.open("wb") as stream:
        shutil.copyfileobj(source, stream, 1 << 20)
    target.chmod(plain_mode(member.mode))


def check_kinds(path: Path, *, within: Path) -> None:
    """Refuse what is neither file, folder nor link at or below `path`, and a path that leads out of the folder `within`."""
    if not _inside(path, within):
        raise Refused(f"a link leads out of its folder: {path.name}")
    for found in (path, *(path.rglob("*") if path.is_dir() else ())):
        if not (found.is_symlink() or found.is_dir() or found.is_file()):
            raise Refused(f"{found.relative_to(within)} is neither file, folder nor link")


def check_links(root: Path) -> None:
    """Refuse a tree with a link that leads out of it: harmless links may together make one that does."""
    for path in sorted(root.rglob("*")):
        if path.is_symlink() and (path.readlink().is_absolute() or not _inside(path, root)):
            raise Refused(f"a link leads out of its folder: {path.relative_to(root)} -> {path.readlink()}")
