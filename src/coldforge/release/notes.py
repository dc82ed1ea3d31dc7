"""Release notes: the changelog's section, and a block of our own between marks; a person's words are touched only when asked to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, Protocol

from coldforge import recipes
from coldforge.errors import ConfigurationError
from coldforge.records import Artifact

Mode = Literal["keep", "append", "replace"]
Source = Literal["changelog", "commits", "github", "none"]

BEGIN: Final = "<!-- coldforge:begin -->"
END: Final = "<!-- coldforge:end -->"
CHANGELOG: Final = "CHANGELOG.md"
TEMPLATE: Final = "build/templates/release/notes.md"
LONGEST: Final = 125_000  # characters that GitHub accepts
CUT: Final = "\n\n(cut: the text is longer than GitHub accepts)"
_KIND: Final = re.compile(r"(?P<kind>\w+)(?:\([^)]*\))?(?P<breaking>!)?: +(?P<text>.+)")
_KINDS: Final[Mapping[str, str]] = {"feat": "New", "fix": "Fixed"}
BREAKING: Final = "Breaking"
OTHERS: Final = "Changed"
# a line that begins or ends code, also within a list or a quotation; a line with more backticks behind is no such line
_FENCE: Final = re.compile(r"(?P<before>(?:[ \t>]|[-*+] |\d+[.)] )*)(?P<mark>`{3,}(?=[^`]*$)|~{3,})(?P<rest>.*)")
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


def of_changelog(project: Path, version: str) -> str:
    """What the changelog of a project says about a version; empty when it has none."""
    path = project / CHANGELOG
    return changelog_section(path.read_text(encoding="utf-8"), version) if path.is_file() else ""


def from_commits(commits: Iterable[tuple[str, str]]) -> str:
    """A list of commits (short name and first line), grouped by the kind that their first lines tell when these tell any.

    Source of the kinds: https://www.conventionalcommits.org/en/v1.0.0/
    """
    groups: dict[str, list[str]] = {title: [] for title in (*_KINDS.values(), BREAKING, OTHERS)}
    for name, line in commits:
        told = _KIND.fullmatch(line)
        title = BREAKING if told and told["breaking"] else _KINDS.get(told["kind"].lower(), OTHERS) if told else OTHERS
        text = told["text"] if told and title != OTHERS else line
        groups[title].append(f"- {text.replace('<', '&lt;')} ({name})")  # a commit's words are no HTML, and end no block of ours
    order = (BREAKING, *_KINDS.values(), OTHERS)
    filled = [title for title in order if groups[title]]
    parts = (["" if filled == [OTHERS] else f"### {title}\n", *groups[title]] for title in filled)
    return "\n\n".join("\n".join(part).strip() for part in parts)


class Described(Protocol):
    """What our block tells of: a release that was made, or one that is planned."""

    @property
    def product(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def artifacts(self) -> tuple[Artifact, ...]: ...


def block(
    manifest: Described,
    *,
    repository: str,
    tag: str,
    lacking: Sequence[str] = (),
    without: Sequence[str] = (),
    project: Path | None = None,
) -> str:
    """What the template makes of the download table, of what is missing, and how to install and verify.

    `lacking` are required files that are missing, which whoever publishes must know of; `without` optional targets, or files of them.

    Raises ConfigurationError when the `project`'s own template cannot be filled in, or holds the marks of the block.
    """
    verify = f"`coldforge verify {repository}@{tag}` checks who made these files, and from what."
    values = {
        "product": manifest.product,
        "version": manifest.version,
        "repository": repository,
        "tag": tag,
        "downloads": _downloads(manifest),
        "missing": _missing(lacking, without),
        "install": _installs(manifest),
        "verify": f"{verify} `sha256sum -c --ignore-missing SHA256SUMS` tells only that they came whole.",
    }
    text = recipes.fill(TEMPLATE, values, project or recipes.ROOT).decode()
    if BEGIN in text or END in text:
        why = "everything between its marks is renewed in every run, and it writes them itself"
        raise ConfigurationError(f"{TEMPLATE} holds a mark of coldforge's block", why=why, hint=f"Take {BEGIN} and {END} out.")
    text = re.sub(r"\n{3,}", "\n\n", text).strip()  # where a word had nothing to say
    return "\n".join([BEGIN, _subject(repository, tag), text, END])


def _missing(lacking: Sequence[str], without: Sequence[str]) -> str:
    incomplete = f"**Not complete yet.** Planned and not there: {', '.join(lacking)}" if lacking else ""
    optional = f"Not in this release: {', '.join(without)}" if without else ""
    return _joined(incomplete, optional)


def _downloads(manifest: Described) -> str:
    rows = [f"| {a.target} | `{a.name}` | {a.size / 1e6:.1f} MB | `{a.sha256[:16]}…` |" for a in manifest.artifacts]
    return "\n".join(["| system | file | size | sha256 |", "|---|---|---:|---|", *rows])


# How a downloaded file is put to use, by its format; what is not named here (sbom, signature, zsync) goes with another file.
INSTALL: Final[Mapping[str, str]] = {
    "apk": "sudo apk add --allow-untrusted ./{0}",
    "app.tar.gz": "tar -xzf {0} -C /Applications",
    "app.zip": "ditto -xk {0} /Applications",
    "appimage": "chmod +x {0} && ./{0}",
    "arch": "sudo pacman -U ./{0}",
    "deb": "sudo apt install ./{0}",
    "dmg": "open {0}",
    "flatpak": "flatpak install --bundle {0}",
    "ipk": "opkg install ./{0}",
    "msi": "msiexec /i {0}",
    "msix": "Add-AppxPackage {0}",
    "nsis": ".\\{0}",
    "onefile": "chmod +x {0} && ./{0}",
    "pkg": "sudo installer -pkg {0} -target /",
    "rpm": "sudo dnf install ./{0}",
    "snap": "sudo snap install --dangerous {0}",
    "tar.gz": "tar -xzf {0}",
    "tar.zst": "tar --zstd -xf {0}",
    "zip": "unzip {0}",
}
WINDOWS: Final[Mapping[str, str]] = {"onefile": ".\\{0}", "zip": "Expand-Archive {0}"}  # where they are done otherwise


def _installs(manifest: Described) -> str:
    """One command for each file that can be installed, unpacked or started."""
    rows = [f"| {a.target} | {a.format} | `{command}` |" for a in manifest.artifacts if (command := _install(a))]
    return "\n".join(["| system | format | command |", "|---|---|---|", *rows]) if rows else "None of these files is installed."


def _install(artifact: Artifact) -> str:
    commands = {**INSTALL, **WINDOWS} if artifact.target.startswith("windows-") else INSTALL
    return commands.get(artifact.format, "").format(artifact.name)


def _subject(repository: str, tag: str) -> str:
    """Which release a block is about, in a line that nobody sees: the template may leave everything else out."""
    return f"<!-- coldforge:release {repository}@{tag} -->"


def is_about(text: str, *, repository: str, tag: str) -> bool:
    """Whether a release's text has our block for this tag, which tells a draft that lost its tag."""
    found = _BLOCK.search(text)
    return found is not None and _subject(repository, tag) in found[0].splitlines()


def body(present: str, own: str, notes: str, *, mode: Mode = "keep", longest: int = LONGEST) -> str:
    """The whole text: `own` takes the place of the old block, and what stands outside of it is a person's.

    To `keep` is to use `notes` only where there was no text yet, to `append` is to put them behind what is there, once; only to
    `replace` takes a person's words away. Only the notes are cut to what GitHub takes (`longest` characters), never what a person wrote.
    """
    old = _BLOCK.search(present)
    before, after = (present[: old.start()], present[old.end() :]) if old else (present, "")
    # somebody may have copied the text of another release: its marks would be taken for ours in the next run
    text = notes.strip().replace(BEGIN, BEGIN.replace(":", ": ")).replace(END, END.replace(":", ": "))
    # in a line that nobody sees: a person may change what was appended, and gets it no second time
    mark = f"<!-- coldforge:notes {hashlib.sha256(text.encode()).hexdigest()[:16]} -->"
    marked = f"{mark}\n{text}" if mode == "append" and text else text
    if mode == "replace" or not present.strip():
        return _joined(_cut(marked, longest - len(own) - 2), own)
    if mode == "append" and text and not any(mark in part or text in part for part in (before, after)):
        return _joined(before.rstrip(), _cut(marked, longest - len(before) - len(own) - len(after) - 4), own) + after
    return f"{before}{own}{after}" if old else f"{present.strip()}\n\n{own}"


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _cut(text: str, room: int) -> str:
    """As much of a text as has room, with code in it ended, and a word about it; nothing when that has no room."""
    if len(text) <= room:
        return text
    length, closed = room - len(CUT), ""
    while length > 0:
        closed = _ended(text[:length].rstrip())
        if len(closed) + len(CUT) <= room:
            return f"{closed}{CUT}"
        length -= len(closed) + len(CUT) - room
    return ""


def _ended(text: str) -> str:
    """A text with the last line that a block of code in it lacks, else GitHub takes all that follows for code.

    Source: https://spec.commonmark.org/0.31.2/#fenced-code-blocks
    """
    before, mark = "", ""
    for found in filter(None, map(_FENCE.fullmatch, text.splitlines())):
        if not mark:
            before, mark = found["before"], found["mark"]
        elif found["mark"].startswith(mark) and not found["rest"].strip():
            mark = ""
    return "\n".join([text, re.sub(r"[^>\t]", " ", before) + mark]) if mark else text
