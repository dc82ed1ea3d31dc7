"""What was made before, by the digest of all its inputs; nothing else decides whether work is done again.

An entry is a folder `<cache>/<kind>/<key>/` that appears all at once: `content` (a file or a folder) and
`entry.json` (its digest and size). An entry that does not match its digest is dropped.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Final

from coldforge.errors import ConfigurationError
from coldforge.host import files
from coldforge.report import reporter
from coldforge.report.reporter import Table, megabytes

_RECORD: Final = "entry.json"
_KINDS: Final = ("environment", "analysis", "payload", "artifact", "smoke", "input", "tool", "block", "elf", "searched", "icon")
# Of these every build makes many, which are small; bytes that they may be in all. What was not used for the longest time goes.
_SMALL: Final[Mapping[str, int]] = {"block": 1 << 30, "elf": 1 << 20, "searched": 1 << 24, "icon": 1 << 24}
# Of the others: what was used within this time (seconds) before the newest use is a running build's, or a person's who is at work.
_MOST, _SPARED = "10 GB", 3600
_STATE: Final = SimpleNamespace(forgets=False)
_NAME: Final = re.compile(r"[0-9a-f]{64}|\.[0-9a-f]{64}\.[0-9a-f]{32}")  # an entry, or what a killed process left of one


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEntry:
    """One thing in the cache; `size` in bytes."""

    kind: str
    key: str
    size: int


def root() -> Path:
    """The cache's folder: COLDFORGE_CACHE, else the user's cache folder."""
    if given := os.environ.get("COLDFORGE_CACHE"):
        return Path(given)
    from platformdirs import user_cache_path

    return user_cache_path("coldforge", appauthor=False) / "cache"  # beside it lie the environments of bin/coldforge


@contextmanager
def apart(folder: Path) -> Iterator[None]:
    """Use another cache while the block runs, and nothing of the user's own."""
    before = os.environ.get("COLDFORGE_CACHE")
    os.environ["COLDFORGE_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["COLDFORGE_CACHE"]
        else:
            os.environ["COLDFORGE_CACHE"] = before


def fetch(kind: str, key: str) -> Path | None:
    """The cached file or folder, checked; None when there is none. It must not be changed: copy it.

    A damaged entry is dropped with a warning, and is as good as none.
    """
    entry = root() / kind / key
    recorded = _recorded(entry)
    if recorded is None:
        return None
    with suppress(OSError):
        if digest(entry / "content") == recorded.get("sha256"):
            with suppress(OSError):  # a cache that is only read
                os.utime(entry / _RECORD)  # `prune` spares what was used last
            return entry / "content"
    reporter().warn(f"the cached {kind} {key[:12]} is damaged; it is made again")
    shutil.rmtree(entry, ignore_errors=True)
    return None


def recalled(kind: str, key: str, make: Callable[[], bytes]) -> bytes:
    """What `make` gives, kept under the digest of all that decides it; see `forgetting`."""
    if not _STATE.forgets and (kept := fetch(kind, key)):
        with suppress(OSError):  # the cache was emptied meanwhile
            return kept.read_bytes()
    made = make()
    store(kind, key, made)
    return made


@contextmanager
def forgetting(*, wanted: bool) -> Iterator[None]:
    """While the block runs nothing is recalled, if that is wanted: all is made, and kept for the next time. For one block at a time."""
    _STATE.forgets = wanted
    try:
        yield
    finally:
        _STATE.forgets = False


def _recorded(entry: Path) -> dict[str, object] | None:
    """What is recorded of an entry; None when there is no such entry, or no sense in it."""
    try:
        record = json.loads((entry / _RECORD).read_bytes())
    except OSError:
        return None
    except ValueError:
        record = None
    return record if isinstance(record, dict) else {"sha256": "", "size": 0}


def store(
    kind: str,
    key: str,
    source: Path | bytes | Mapping[str, Path],
    *,
    sha256: str = "",
    known: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Copy a file or folder, bytes, or a folder of several by their names into the cache; where it is then. Several processes may store
    the same at once. `sha256` is that of a file, where it is known already, and `known` those of a folder's files by their paths in it.

    A cache that cannot be written is no reason to fail: there is a warning. Raises Missing when the disk is full.
    """
    entry = root() / kind / key
    temporary = entry.parent / f".{key}.{uuid.uuid4().hex}"
    try:
        temporary.mkdir(parents=True)
        _fill(temporary, source, sha256, known)
        _place(temporary, entry)
    except OSError as error:
        if files.error_number(error) in files.FULL:
            raise files.no_space(entry) from error
        if temporary.is_dir():
            raise
        # it could not be made, or `coldforge cache prune` ran meanwhile
        if kind not in _SMALL:  # of which there would be many warnings
            reporter().warn(f"nothing is cached in {root()}: {error.strerror or error}")
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return entry / "content"


def _fill(folder: Path, source: Path | bytes | Mapping[str, Path], sha256: str, known: Mapping[str, str]) -> None:
    content = folder / "content"
    if isinstance(source, bytes):
        content.write_bytes(source)
        sha256 = hashlib.sha256(source).hexdigest()
    elif isinstance(source, Path):
        _copy(source, content)
    else:
        content.mkdir()
        for name, path in source.items():
            _copy(path, content / name)
    (folder / _RECORD).write_text(json.dumps({"sha256": sha256 or digest(content, known), "size": size(content)}, sort_keys=True))


def _copy(source: Path, place: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, place, symlinks=True)
    else:
        shutil.copy2(source, place)


def _place(made: Path, entry: Path) -> None:
    """Rename into place. What is there already with the same content stays: somebody may be reading it."""
    if _recorded(entry) == _recorded(made):
        return
    for _ in range(3):  # another process may place its own in between
        try:
            made.rename(entry)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            shutil.rmtree(entry, ignore_errors=True)
        else:
            return


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    items = path.rglob("*") if path.is_dir() else (path,)
    return sum(item.lstat().st_size for item in items if item.is_symlink() or item.is_file())


def digest(path: Path, known: Mapping[str, str] = MappingProxyType({})) -> str:
    """The sha256 of a file's bytes, or of a folder's names, links, executable bits and bytes. Raises OSError when it is not there.

    `known` are digests of files in the folder, by their paths in it, that need not be read.
    """
    if not path.is_dir():
        return files.sha256(path)
    total = hashlib.sha256()
    for name, item in sorted(_below(path), key=lambda pair: pair[0].split("/")):
        total.update("\0".join((name, *_facts(item, known.get(name, "")), "")).encode(errors="surrogateescape"))
    return total.hexdigest()


def _below(folder: Path | str, before: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All that is in a folder, by its path in there. Environments have thousands of files, of which no Path is made."""
    with os.scandir(folder) as items:
        for item in items:
            yield f"{before}{item.name}", item
            if item.is_dir(follow_symlinks=False):
                yield from _below(item.path, f"{before}{item.name}/")


def _facts(item: os.DirEntry[str], sha256: str) -> tuple[str, str]:
    if item.is_symlink():
        return "link", str(Path(item.path).readlink())
    if item.is_dir():
        return "folder", ""
    return "program" if item.stat().st_mode & 0o100 else "file", sha256 or files.sha256(Path(item.path))


def entries() -> tuple[CacheEntry, ...]:
    """Everything in the cache, by kind and key."""
    whole = ((entry, _recorded(entry)) for entry in sorted(_folders()))
    return tuple(CacheEntry(kind=entry.parent.name, key=entry.name, size=_size(record)) for entry, record in whole if record)


def _size(record: Mapping[str, object]) -> int:
    """The recorded size; 0 in a damaged record."""
    number = record.get("size")
    return number if isinstance(number, int) else 0


def _folders(kinds: Iterable[str] = _KINDS) -> Iterator[Path]:
    """Every entry, and what killed processes left of some; nothing else that lies in the folder is ours."""
    for kind in (root() / name for name in kinds):
        if kind.is_dir():
            yield from (entry for entry in kind.iterdir() if entry.is_dir() and _NAME.fullmatch(entry.name))


def limit() -> int:
    """The bytes that environments, payloads and artifacts may be in all: COLDFORGE_CACHE_LIMIT. Raises ConfigurationError: none."""
    given = os.environ.get("COLDFORGE_CACHE_LIMIT") or _MOST
    try:
        return files.size_of(given)
    except ValueError:
        raise ConfigurationError(f"COLDFORGE_CACHE_LIMIT is {given!r}", hint=f"It must be a size, such as `{_MOST}`.") from None


def trim(most: int) -> None:
    """Take away what was not used for the longest time: of the small entries, and of the others beyond `most` bytes, see `limit`."""
    for kind, bytes_of_kind in _SMALL.items():
        prune(keep=bytes_of_kind, kinds=(kind,))
    prune(keep=most, kinds=[kind for kind in _KINDS if kind not in _SMALL], spare=_SPARED)


def prune(*, keep: int = 0, kinds: Iterable[str] = _KINDS, spare: float | None = None) -> int:
    """Shrink the cache to `keep` bytes, the least recently used first; the number of bytes that this freed.

    With `spare` nothing goes that was used within these seconds before the newest use, however much it is.
    """
    used = {entry: _last_use(entry) for entry in _folders(kinds)}
    newest = max(used.values(), default=0.0)
    total = freed = 0
    for entry in sorted(used, key=lambda each: (used[each], each.name), reverse=True):
        weight = _weight(entry)
        spared = spare is not None and used[entry] >= newest - spare
        total += weight
        if not spared and (entry.name.startswith(".") or total > keep):
            shutil.rmtree(entry, ignore_errors=True)
            freed += weight
    return freed


def _weight(entry: Path) -> int:
    """The bytes of an entry as it is recorded: environments have thousands of files, which are counted only where that is not known."""
    return _size(_recorded(entry) or {}) or size(entry)


def _last_use(entry: Path) -> float:
    """When an entry was used, and when a process began what it may be making yet; 0 if it is gone."""
    for path in (entry / _RECORD, entry):
        with suppress(OSError):
            return path.stat().st_mtime
    return 0.0


def table(found: tuple[CacheEntry, ...]) -> Table:
    """The entries for people; of the small ones how many there are."""
    shown = [(entry.kind, entry.key[:12], entry.size) for entry in found if entry.kind not in _SMALL]
    small = {kind: [entry.size for entry in found if entry.kind == kind] for kind in _SMALL}
    shown += [(kind, f"{len(sizes)} entries", sum(sizes)) for kind, sizes in small.items() if sizes]
    rows = tuple((kind, key, f"{size / 1e6:.1f} MB") for kind, key, size in sorted(shown))
    title = f"cache in {root()}: {megabytes(sum(entry.size for entry in found))}"
    return Table(title=title, columns=("what", "key", "size"), rows=rows, numeric=frozenset({"size"}))
