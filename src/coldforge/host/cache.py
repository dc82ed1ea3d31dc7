"""What was made before, by the digest of all its inputs; nothing else decides whether work is done again.

An entry is a folder `<cache>/<kind>/<key>/` with the content under `content` (a file or a
folder) and `digest`, the sha256 of all of it. An entry that does not match its digest is dropped.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from coldforge.host import files
from coldforge.records import Record
from coldforge.report import reporter
from coldforge.report.reporter import Table


class CacheEntry(Record, frozen=True, kw_only=True):
    """One thing in the cache; `size` in bytes."""

    kind: str
    key: str
    size: int


def root() -> Path:
    """The cache's folder: COLDFORGE_CACHE, else the user's cache folder."""
    if given := os.environ.get("COLDFORGE_CACHE"):
        return Path(given)
    from platformdirs import user_cache_path

    return user_cache_path("coldforge", appauthor=False)


def fetch(kind: str, key: str) -> Path | None:
    """The cached file or folder, checked; None when there is none. It must not be changed: copy it."""
    entry = root() / kind / key
    content, recorded = entry / "content", entry / "digest"
    try:
        wanted = recorded.read_text()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if digest(content) == wanted:
        return content
    reporter().warn(f"the cached {kind} {key[:12]} is damaged; it is made again")
    shutil.rmtree(entry, ignore_errors=True)
    return None


def store(kind: str, key: str, source: Path) -> Path:
    """Copy a file or folder into the cache and return the cached one. Two processes may store the same at once."""
    entry = root() / kind / key
    temporary = entry.parent / f".{key}.{uuid.uuid4().hex}"
    with files.disk_errors(entry):
        temporary.mkdir(parents=True)
        try:
            _copy(source, temporary / "content")
            (temporary / "digest").write_text(digest(temporary / "content"))
            shutil.rmtree(entry, ignore_errors=True)
            temporary.rename(entry)
        except FileExistsError:  # another process was faster, with the same content
            pass
        except OSError as error:
            if not (entry / "digest").is_file():
                raise error from None
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return entry / "content"


def _copy(source: Path, destination: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, destination, symlinks=True)
    else:
        shutil.copy2(source, destination)


def digest(path: Path) -> str:
    """The sha256 of a file's bytes, or of a folder's names, links, executable bits and bytes."""
    if not path.is_dir():
        return files.sha256(path) if path.is_file() else ""
    total = hashlib.sha256()
    for item in sorted(path.rglob("*")):
        name = item.relative_to(path).as_posix()
        if item.is_symlink():
            total.update(f"{name}\0link\0{item.readlink()}\n".encode())
        elif item.is_file():
            total.update(f"{name}\0{item.stat().st_mode & 0o100}\0{files.sha256(item)}\n".encode())
    return total.hexdigest()


def entries() -> tuple[CacheEntry, ...]:
    """Everything in the cache, by kind and key."""
    return tuple(
        CacheEntry(kind=entry.parent.name, key=entry.name, size=sum(f.lstat().st_size for f in entry.rglob("*") if not f.is_dir()))
        for entry in sorted(_folders())
    )


def _folders() -> Iterator[Path]:
    for kind in root().iterdir() if root().is_dir() else ():
        if kind.is_dir():
            yield from (entry for entry in kind.iterdir() if (entry / "digest").is_file())


def prune() -> int:
    """Empty the cache; the number of bytes that this freed."""
    freed = sum(entry.size for entry in entries())
    for entry in _folders():
        shutil.rmtree(entry, ignore_errors=True)
    return freed


def table(found: tuple[CacheEntry, ...]) -> Table:
    """The entries for people."""
    rows = tuple((entry.kind, entry.key[:12], f"{entry.size / 1e6:.1f} MB") for entry in found)
    return Table(title=f"cache in {root()}", columns=("what", "key", "size"), rows=rows, numeric=frozenset({"size"}))
