"""Release notes: the changelog's section, and a block of our own between marks; a person's words are never touched."""

from __future__ import annotations

import re
from typing import Final

from coldforge.records import Manifest

BEGIN: Final = "<!-- coldforge:begin -->"
END: Final = "<!-- coldforge:end -->"
LONGEST: Final = 125_000  # characters that GitHub accepts


def changelog_section(text: str, version: str) -> str:
    """The section of a version in a changelog (headings like `## [1.2.3] - date`), without its heading; empty if there is none."""
    heading = re.compile(rf"^(#{{1,3}})\s+\[?v?{re.escape(version)}\]?(?![\w.])[^\n]*$", re.MULTILINE)
    match = heading.search(text)
    if match is None:
        return ""
    following = re.compile(rf"^#{{1,{len(match[1])}}}\s", re.MULTILINE).search(text, match.end())
    return text[match.end() : following.start() if following else len(text)].strip()


def block(manifest: Manifest, *, repository: str, tag: str) -> str:
    """The download table and how to verify."""
    rows = [f"| {a.target} | `{a.name}` | {a.size / 1e6:.1f} MB | `{a.sha256[:16]}…` |" for a in manifest.artifacts]
    head = [BEGIN, "### Downloads", "", "| system | file | size | sha256 |", "|---|---|---:|---|"]
    return "\n".join([*head, *rows, "", f"Verify: `coldforge verify {repository}@{tag}`", END])


def body(present: str | None, own: str, notes: str) -> str:
    """The whole text: `own` takes the place of the old block, everything else of a text that is there stays.

    `notes` are used only where there was no text yet. Cut to GitHub's limit, the notes first.
    """
    text = (present or "").replace("\r\n", "\n")
    if BEGIN in text and END in text:
        before, _, rest = text.partition(BEGIN)
        return before + own + rest.partition(END)[2]
    start = text.strip() or notes.strip()
    room = LONGEST - len(own) - 100
    if len(start) > room:
        start = start[:room].rstrip() + "\n\n(cut: the text is longer than GitHub accepts)"
    return f"{start}\n\n{own}" if start else own
