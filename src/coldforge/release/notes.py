"""Release notes: the changelog's section, and a block of our own between marks; a person's words are never touched."""

from __future__ import annotations

import re
from typing import Final

from coldforge.records import Manifest

BEGIN: Final = "<!-- coldforge:begin -->"
END: Final = "<!-- coldforge:end -->"
LONGEST: Final = 125_000  # characters that GitHub accepts
CUT: Final = "\n\n(cut: the text is longer than GitHub accepts)"
# a begin without an end must not swallow the words up to the next block
_BLOCK: Final = re.compile(f"{re.escape(BEGIN)}(?:(?!{re.escape(BEGIN)}).)*?{re.escape(END)}", re.DOTALL)


def changelog_section(text: str, version: str) -> str:
    """The section of a version in a changelog (headings like `## [1.2.3] - date`), without its heading; empty if there is none."""
    heading = re.compile(rf"^(#{{1,3}})\s+\[?v?{re.escape(version)}\]?(?![\w.])[^\n]*$", re.MULTILINE)
    match = heading.search(text)
    if match is None:
        return ""
    following = re.compile(rf"^#{{1,{len(match[1])}}}\s", re.MULTILINE).search(text, match.end())
    return text[match.end() : following.start() if following else len(text)].strip()


def block(manifest: Manifest, *, repository: str, tag: str, without: tuple[str, ...] = ()) -> str:
    """The download table, optional targets that are missing, and how to verify."""
    rows = [f"| {a.target} | `{a.name}` | {a.size / 1e6:.1f} MB | `{a.sha256[:16]}…` |" for a in manifest.artifacts]
    head = [BEGIN, "### Downloads", "", "| system | file | size | sha256 |", "|---|---|---:|---|"]
    missing = [f"Not in this release: {', '.join(without)}", ""] if without else []
    return "\n".join([*head, *rows, "", *missing, _how_to_verify(repository, tag), END])


def _how_to_verify(repository: str, tag: str) -> str:
    return f"Verify: `coldforge verify {repository}@{tag}`"


def is_about(text: str, *, repository: str, tag: str) -> bool:
    """Whether a release's text has our block for this tag, which tells a draft that lost its tag."""
    found = _BLOCK.search(text)
    return found is not None and _how_to_verify(repository, tag) in found[0].splitlines()


def body(present: str, own: str, notes: str) -> str:
    """The whole text: `own` takes the place of the old block, everything else of a text that is there stays.

    `notes` are used only where there was no text yet. Only they are cut to GitHub's limit: nothing of a person's text is.
    """
    if _BLOCK.search(present):
        return _BLOCK.sub(lambda _: own, present, count=1)
    if present.strip():
        return f"{present.strip()}\n\n{own}"
    room, start = LONGEST - len(own) - len(CUT) - 2, notes.strip()
    kept = start if len(start) <= room + len(CUT) else start[: max(0, room)].rstrip() + CUT
    return f"{kept}\n\n{own}" if kept else own
