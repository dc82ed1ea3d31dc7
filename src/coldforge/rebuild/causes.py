"""Why two builds of one source differ: the causes that were met, each with the marks that it leaves."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from coldforge.rebuild.verdict import What

UNKNOWN: Final = "not known; compare both files with diffoscope (--keep keeps the rebuilt ones)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A difference as it was found, before anything is made of it."""

    what: What
    where: Sequence[str]
    released: str
    rebuilt: str

    def at(self, pattern: str) -> bool:
        """Whether the way to it, as one text, matches a pattern."""
        return bool(re.search(pattern, " > ".join(self.where)))

    def says(self, pattern: str) -> bool:
        """Whether both values match a pattern."""
        return bool(re.search(pattern, self.released) and re.search(pattern, self.rebuilt))

    def either(self, pattern: str) -> bool:
        """Whether one of the values matches a pattern."""
        return bool(re.search(pattern, self.released) or re.search(pattern, self.rebuilt))


_FOLDER: Final = r"(^|[\s'\"=:])/(home|root|tmp|var/tmp|build|builds|Users|opt|mnt|srv|workspace|github|coldforge)/|/site-packages/|\.venv/"
_DATE: Final = r"\b(19|20)\d\d-\d\d-\d\d|\b\d\d:\d\d:\d\d\b|\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d|^1[0-9]{9}$"
_TRACE: Final = r"\.dist-info/(INSTALLER|RECORD|REQUESTED|direct_url\.json)"

# The first that holds is named: what is sure before what is likely.
_CAUSES: Final[tuple[tuple[Callable[[Seen], bool], str], ...]] = (
    (lambda seen: seen.what == "time", "a time of the build: somewhere neither SOURCE_DATE_EPOCH nor the commit's time was taken"),
    (lambda seen: seen.what == "mode", "another umask, or a file system with other modes"),
    (lambda seen: seen.what == "owner", "another user built it"),
    (lambda seen: seen.what == "order" and "set" in seen.where[-1], "the order of a set: another hash seed (PYTHONHASHSEED)"),
    (lambda seen: seen.what == "order", "the order of a folder's listing, or of a set (PYTHONHASHSEED)"),
    (lambda seen: seen.what == "encoding", "the same content, written by another version of the compressor or archiver (zlib, zstd, nfpm)"),
    (lambda seen: seen.what == "header", "another version, or other settings, of what wrote the file"),
    (lambda seen: seen.at(_TRACE), "traces of another installer of the distribution"),
    (lambda seen: seen.at("/WHEEL") and seen.either("^Generator"), "another version of the build backend made the wheel"),
    (lambda seen: seen.says(_FOLDER), "the path of the build"),
    (lambda seen: seen.at("filename$"), "the path of the build, in byte code"),
    (lambda seen: seen.says(_DATE), "a time of the build"),
    (lambda seen: seen.at(r"\.dist-info") or seen.either("^Version: "), "another version of a distribution"),
    (lambda seen: seen.either(r"\b[a-z]{2}_[A-Z]{2}\b|\.UTF-8|LC_ALL"), "another locale"),
    (lambda seen: seen.where[-1:] == (".comment",), "another compiler"),
    (lambda seen: seen.at("> (linetable|exceptiontable|code|stacksize)$"), "another source, or another Python that compiled it"),
    (lambda seen: seen.at(r"\.so[.\d]*( > |$)"), "another build of the library: of the image, of the machine, or of a distribution"),
    (lambda seen: seen.at("> (constant|line|item) \\d+$|names$"), "another source, or a value that the build put in"),
    (lambda seen: seen.what in ("missing", "added"), "other distributions, or another set of files collected"),
)


def likely(what: What, where: Sequence[str], released: str, rebuilt: str) -> str:
    """The likely cause of a difference."""
    seen = Seen(what=what, where=where, released=released, rebuilt=rebuilt)
    return next((cause for holds, cause in _CAUSES if holds(seen)), UNKNOWN)
