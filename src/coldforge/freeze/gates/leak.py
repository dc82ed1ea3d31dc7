"""`leak`: what a released file says of the machine and the person that froze it.

Every file is searched, and everything that is packed in it. Only texts that cannot be there by chance count: a folder has at least two
parts and is none of the system's; a user's name counts as the name of a home, and only when it is nobody's in particular on every second
machine (`root`, `runner`); a machine's name counts when it has a digit or a hyphen, or after an `@`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from coldforge.freeze.gates import Known, found, source
from coldforge.host import within
from coldforge.records import Finding, Origin

BLOCK: Final = 1 << 23
SHOWN: Final = 3
MOST: Final = 1 << 15  # digests that are remembered
HOME: Final = "the home of the user who froze it"
_SYSTEM: Final = ("/usr/", "/opt/", "/nix/store/")  # where everybody's Python may be
# Names of users and machines that stand in files of strangers: most wheels are built on hosted machines, or in containers as root.
_COMMON: Final = frozenset(
    {"admin", "administrator", "alpine", "app", "appveyor", "arch", "bot", "buildbot", "build", "builder", "buildhost", "buildkite",
     "centos", "ci", "circleci", "circle", "codespace", "conda", "container", "debian", "default", "desktop", "dev", "developer", "docker",
     "fedora", "git", "github", "gitlab", "gitpod", "guest", "home", "host", "jenkins", "laptop", "linux", "local", "localhost",
     "localdomain", "mac", "mamba", "me", "node", "nobody", "pc", "python", "root", "runner", "server", "sandbox", "test", "tester",
     "travis", "ubuntu", "user", "username", "users", "vagrant", "vm", "vscode", "vsts", "windows", "work", "worker", "wsl"}
)  # fmt: skip
_WORDS: Final = re.compile(r"[0-9._-]+")


class Trace(NamedTuple):
    """A text that tells where something was made, and what it is called in a message."""

    text: bytes
    what: str


class Hit(NamedTuple):
    """A trace in a file: the names that lead to it, and the text around it."""

    names: tuple[str, ...]
    trace: Trace
    around: str


def traces(folders: Mapping[str, Sequence[str]], *, user: str, hosts: AbstractSet[str]) -> tuple[Trace, ...]:
    """What to search for, the longest texts first; `folders` by what they are.

    >>> [trace.text for trace in traces({"the project's folder": ["/work", "/home/ann/demo/"]}, user="root", hosts={"vm"})]
    [b'/home/ann/demo']
    """
    texts = {folder.rstrip("/"): what for what, paths in folders.items() for folder in paths if _is_particular(folder)}
    if user and not _is_common(user):
        texts |= dict.fromkeys((f"/home/{user}/", f"/Users/{user}/", f"\\Users\\{user}\\"), HOME)
    for host in hosts:
        if host and not _is_common(host):
            telling = len(host) >= 6 and _WORDS.search(host)
            texts[host if telling else f"@{host}"] = "the name of the machine that it was frozen on"
    return tuple(Trace(text.encode(), texts[text]) for text in sorted(texts, key=lambda text: (-len(text), text)))


def _is_particular(folder: str) -> bool:
    """Whether a folder is one machine's: not the top of a tree, and none that every system has."""
    parts = re.split(r"[\\/]+", folder.strip("\\/"))
    is_home = len(parts) == 2 and parts[0] in ("home", "Users")
    return len(parts) > 1 and not folder.startswith(_SYSTEM) and not (is_home and _is_common(parts[1]))


def _is_common(name: str) -> bool:
    """Whether a name is made of words that are everywhere: `debian-12`, `runner`."""
    words = {word for word in _WORDS.split(name.lower()) if word}
    return words <= _COMMON


@dataclass(kw_only=True)
class Searched:
    """What has been searched: digests of files, and of what is packed in some, that hold `nothing`; and what is `met` in this search.

    A digest goes with its depth, because archives in archives are looked into so far only. All holds for the traces that stay from build
    to build; a folder that is new in each build is in no file of an earlier one.
    """

    nothing: Sequence[str] = ()
    met: dict[tuple[str, ...], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._known = frozenset(self.nothing)

    def known(self, names: tuple[str, ...], digest: str) -> bool:
        """Whether there is nothing in this; it is noted as met."""
        self.met[names] = f"{len(names)} {digest}"
        return self.met[names] in self._known

    def learned(self, hits: Sequence[Hit]) -> list[str]:
        """What holds nothing, after a search: what was met but led to no hit, then what was known before while there is room."""
        led = {hit.names[:length] for hit in hits for length in range(1, len(hit.names) + 1)}
        wrong = {digest for names, digest in self.met.items() if names in led}
        return [digest for digest in dict.fromkeys((*self.met.values(), *self.nothing)) if digest not in wrong][:MOST]


def search(root: Path, entries: Mapping[str, str], wanted: Sequence[Trace], searched: Searched) -> Iterator[Hit]:
    """Every trace in every file, once a file, and in what is packed in it; `entries` are the digests of the files by their paths."""
    longer = {one: [other.text for other in wanted if other.text.startswith(one.text) and other.text != one.text] for one in wanted}
    for path, digest in entries.items() if wanted else ():
        if searched.known((path,), digest):
            continue
        with (root / path).open("rb") as stream:
            for names, piece in within.pieces(stream, (path,), known=searched.known):
                yield from (Hit(names, trace, around) for trace, around in _in_stream(piece, longer).items())


def _in_stream(stream: BinaryIO, wanted: Mapping[Trace, Sequence[bytes]]) -> dict[Trace, str]:
    """The traces in a stream, each with the text around it. Blocks overlap, so that none is lost between two."""
    overlap, kept, seen = max(len(trace.text) for trace in wanted), b"", dict[Trace, str]()
    stream.seek(0)
    while block := stream.read(BLOCK):
        data = kept + block
        for trace, longer in wanted.items():
            if trace not in seen and (place := _place(data, trace, longer)) >= 0:
                seen[trace] = _readable(data[max(0, place - 20) : place + len(trace.text) + 60], min(place, 20))
        kept = data[-overlap:]
    return seen


def _place(data: bytes, trace: Trace, longer: Sequence[bytes]) -> int:
    """Where a trace is that is not the beginning of a longer one; -1 for nowhere."""
    place = data.find(trace.text)
    while place >= 0 and any(data.startswith(text, place) for text in longer):
        place = data.find(trace.text, place + 1)
    return place


def _readable(data: bytes, place: int) -> str:
    """The printable text around a place."""
    before = re.search(rb"[\x20-\x7e]*\Z", data[:place])
    after = re.match(rb"[\x20-\x7e]*", data[place:])
    return ((before[0] if before else b"") + (after[0] if after else b"")).decode("ascii")


def from_traces(hits: Sequence[Hit], known: Known) -> Iterator[Finding]:
    """One finding for each kind of trace and each origin. The texts themselves are for the terminal only.

    What is in files of Python itself is a warning: whoever built that Python left it there, and only another Python is without it.
    """
    groups: dict[tuple[str, Origin | None], list[Hit]] = {}
    for hit in hits:
        groups.setdefault((hit.trace.what, _origin(hit.names, known)), []).append(hit)
    for (what, origin), group in groups.items():
        # one-file programs hold what the tree holds
        names = list({hit.names[-1].rpartition("/")[2]: _called(hit.names) for hit in reversed(group)}.values())[::-1]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        files = f"{', '.join(names[:SHOWN])}{more}{f' (from {source(origin)})' if origin else ''}"
        message = f"{files} {'hold' if len(names) > 1 else 'holds'} {what}"
        of_python = origin is not None and origin.kind == "python"
        yield found("leak", f"{message}\n{group[0].around}", path=group[0].names[0], level="warning" if of_python else None)


def _called(names: tuple[str, ...]) -> str:
    """What a message calls something that is packed: its own name, and the file's.

    >>> _called(("demo", "PYZ.pyz", "demo.cli"))
    'demo.cli in demo'
    """
    return names[0] if len(names) == 1 else f"{names[-1]} in {names[0]}"


def _origin(names: tuple[str, ...], known: Known) -> Origin | None:
    """Where something comes from: the module, else the file of that name, else the file that it is packed in."""
    inner = (known.origins.get(name) for name in reversed(names))
    module = known.modules.get(names[-1]) if len(names) > 1 and names[-2].endswith(".pyz") else None
    return module or next((origin for origin in inner if origin), None)
