"""Gates: what turns a frozen tree that would die on the user's machine into an error here.

Each has a name, the evidence and the fix (docs/how-to/freeze-problems.md); each can be relaxed
by name, with a reason that goes into the manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from coldforge.errors import Problem, Refused
from coldforge.freeze.binaries import Elf, version
from coldforge.records import FileEntry, Finding

_HELP = 'docs/how-to/freeze-problems.md explains every gate. To relax one: [tool.coldforge.gates] name = "reason".'


def from_imports(failures: Sequence[Mapping[str, str]]) -> Iterator[Finding]:
    """`entry-import`: an entry point that cannot be imported in the frozen environment."""
    for failure in failures:
        # the last frames and the exception are the evidence; the headline would look like a crash of coldforge
        lines = [line for line in failure["error"].splitlines() if not line.startswith("Traceback ")]
        yield Finding(gate="entry-import", level="error", message="\n".join([f"{failure['entry']} cannot be imported:", *lines]))


def from_warnings(warnings: Sequence[Mapping[str, str]], asked: Iterable[str]) -> Iterator[Finding]:
    """`missing-library` and `hidden-import`, from PyInstaller's own warnings.

    A hidden import that the user named must exist; those that hooks list may be optional.
    """
    named = set(asked)
    for warning in warnings:
        if warning["template"].startswith("Library not found: could not resolve"):
            yield Finding(gate="missing-library", level="error", message=warning["message"])
        elif warning["template"].startswith("Hidden import"):
            module = warning["message"].partition("import ")[2].split()[0].strip("'\"")
            if module in named:
                yield Finding(gate="hidden-import", level="error", message=warning["message"])


def from_floor(floor: str, elfs: Iterable[Elf], files: Iterable[FileEntry]) -> Iterator[Finding]:
    """`floor`: files that ask for a newer glibc than the plan promises, with the distribution that they came from."""
    if not floor:
        return
    origins = {entry.path: entry.origin for entry in files}
    for elf in elfs:
        if elf.glibc > version(floor):
            origin = origins.get(elf.path)
            source = f" (from {origin.name or origin.kind} {origin.version})".replace(" )", ")") if origin else ""
            needs = ".".join(map(str, elf.glibc))
            yield Finding(
                gate="floor", level="error", message=f"{elf.path}{source} needs glibc {needs}, {floor} is promised", path=elf.path
            )


def from_runpath(elfs: Iterable[Elf]) -> Iterator[Finding]:
    """`runpath`: files that search for libraries in folders of the machine they were built on. A warning, never an error.

    The folders are not named: findings are published with the manifest, and such a folder is often somebody's home.
    """
    paths = sorted(elf.path for elf in elfs if any(folder and not folder.startswith("$ORIGIN") for folder in elf.runpath.split(":")))
    if paths:
        more = f" and {len(paths) - 1} more search" if len(paths) > 1 else " searches"
        message = f"{paths[0]}{more} for libraries in a folder of the machine that the Python was built on"
        yield Finding(gate="runpath", level="warning", message=message, path=paths[0])


def judge(findings: Iterable[Finding], relaxed: Mapping[str, str]) -> tuple[Finding, ...]:
    """The findings, those of relaxed gates with their reason. Raises Refused when an error is left."""
    judged = tuple(
        Finding(gate=f.gate, level="relaxed", message=f.message, path=f.path, reason=relaxed[f.gate]) if f.gate in relaxed else f
        for f in dict.fromkeys(findings)
    )
    errors = tuple(Problem(what=f"[{finding.gate}] {finding.message}") for finding in judged if finding.level == "error")
    if errors:
        raise Refused("the frozen program would not work everywhere it is promised to", problems=errors, hint=_HELP)
    return judged
