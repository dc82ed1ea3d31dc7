"""Files written whole or not at all, hashed once, and never read into memory at full length."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from coldforge.errors import Missing
from coldforge.host.interrupt import held_back

CHUNK = 1 << 20
PIECE = 1 << 16
FULL = (errno.ENOSPC, errno.EDQUOT)
LOCK = ".lock"  # of a folder in which one run works at a time
TEMPORARY = ".coldforge-"  # what the names of unfinished files and folders begin with


def sha256(path: Path) -> str:
    """The file's sha256 in hexadecimal, streamed."""
    import hashlib  # here, because OpenSSL is slow to load and planning needs none of it

    total = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:  # most files are small: `file_digest` takes longer to begin than to read them
        while piece := stream.read(PIECE):
            total.update(piece)
    return total.hexdigest()


def digest(data: bytes, algorithm: str) -> str:
    """A digest in hexadecimal; see `digests`."""
    import hashlib

    return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()


def digests(path: Path, *algorithms: str) -> list[str]:
    """Several digests in hexadecimal from one reading; MD5 and SHA-1 are for formats that have no better, never for trust."""
    import hashlib

    made = [hashlib.new(algorithm, usedforsecurity=False) for algorithm in algorithms]
    with path.open("rb") as stream:
        while piece := stream.read(CHUNK):
            for digest in made:
                digest.update(piece)
    return [digest.hexdigest() for digest in made]


def shown(path: Path) -> str:
    """A path as a person would type it into a shell here: from the current folder where it is in there."""
    return shlex.quote(path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else str(path))


def set_time(path: Path, epoch: int) -> None:
    """Set a file's times; a link's own, not those of what it leads to. Windows cannot, and has links for those only who may make some."""
    if os.utime in os.supports_follow_symlinks:
        os.utime(path, (epoch, epoch), follow_symlinks=False)
    elif not path.is_symlink():
        os.utime(path, (epoch, epoch))


def lend(source: Path, place: Path) -> None:
    """Have a file's bytes at another place too, to be read only: by a link where both are on one disk, else by a copy."""
    try:
        os.link(source.resolve(), place)
    except OSError:  # another disk, or a system that has no such links or forbids them
        shutil.copyfile(source, place)


@contextlib.contextmanager
def beside(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """A temporary file that takes the place of `path` when the block ends well, and vanishes when it does not.

    It is a sibling of `path`, or lies in `folder` on the same disk where nothing else may be seen beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=folder or path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with disk_errors(path):
            yield temporary
        temporary.chmod(0o755 if temporary.stat().st_mode & 0o100 else 0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what runs that were killed left unfinished in a folder and in those in it. Nobody else may be writing there.

    What a link leads to is elsewhere, and in a folder with a lock of its own another run may be at work.
    """
    inside = [each for each in folder.iterdir() if each.is_dir() and not each.is_symlink() and not (each / LOCK).exists()]
    for left in [left for each in (folder, *inside) for left in each.glob(f"{TEMPORARY}*")]:
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()


def write(path: Path, data: bytes) -> None:
    """Write a file atomically; untouched if it already holds exactly these bytes."""
    if path.is_file() and path.read_bytes() == data:
        return
    with beside(path) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def folder_beside(path: Path) -> Iterator[Path]:
    """Like `beside` for a whole folder: the old one is replaced only when the new one is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=path.parent))
    try:
        with disk_errors(path):
            yield temporary
        temporary.chmod(0o755)
        old = Path(tempfile.mkdtemp(prefix=f"{TEMPORARY}old-", dir=path.parent))
        if path.exists():
            path.replace(old / "tree")
        temporary.replace(path)
        shutil.rmtree(old)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A private temporary folder, gone afterwards whatever happens."""
    with contextlib.ExitStack() as stack:
        with held_back():  # between its making and the block it would be left
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix=f"coldforge-{prefix}-", ignore_cleanup_errors=True))
        yield Path(name)


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full disk, a read-only folder and missing rights into words."""
    try:
        yield
    except OSError as error:
        number = error_number(error)
        if number in FULL:
            raise no_space(path) from error
        if number in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise Missing(f"{path} cannot be written: {os.strerror(number)}", hint="Choose another folder with --out.") from error
        raise


def size_of(text: str) -> int:
    """Bytes of a size as people write it, in units of powers of 1000; 0 for an empty text. Raises ValueError for what is none.

    >>> size_of("1.5 MB"), size_of("20kB"), size_of("")
    (1500000, 20000, 0)
    """
    if not text:
        return 0
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([kMG])B", text)
    if not found:
        raise ValueError(text)
    return round(float(found[1]) * {"k": 1000, "M": 1000**2, "G": 1000**3}[found[2]])


def error_number(error: OSError) -> int:
    """The system's number of an error, 0 when there is none; shutil.copytree keeps only the text of those that it met."""
    found = re.search(r"\[Errno (\d+)\]", str(error)) if isinstance(error, shutil.Error) else None
    return int(found[1]) if found else error.errno or 0


def no_space(path: Path) -> Missing:
    """The disk that `path` is on is full."""
    place = next(parent for parent in (path, *path.parents) if parent.exists())
    free = shutil.disk_usage(place).free // (1 << 20)
    message = f"no disk space left while writing {path} ({free} MiB free)"
    return Missing(message, hint="Free some space (`coldforge cache prune` empties the cache) and run it again.")
