"""`leak`: what a released file says of the machine and the person that froze it.

Every file is searched, and everything that is packed in it. Only texts that cannot be there by chance count: a folder has at least two
parts and is none of the system's; a user's name counts as the name of a home, and only when it is nobody's in particular on every second
machine (`root`, `runner`); a machine's name counts when it has a digit or a hyphen, or after an `@`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec

from coldforge.filetypes import within
from coldforge.freeze.gates import Known, found, source
from coldforge.records import Finding, Origin

BLOCK: Final = 1 << 23
SHOWN: Final = 3
MOST: Final = 1 << 15  # digests that are remembered of what holds nothing
MOST_HELD: Final = 1 << 8  # and of what holds something: few do
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


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """What earlier searches found: digests of files, and of what is packed in some, that hold `nothing`; and what the others `hold`.

    A digest goes with its depth, because archives in archives are looked into so far only. All is about the traces that stay from build
    to build; a folder that is new in each build is in no file of an earlier one.
    """

    nothing: tuple[str, ...] = ()
    hold: dict[str, tuple[Hit, ...]] = {}
    """The names of these begin within what has the digest."""


_NOTHING: Final = Learned()


class Searched:
    """What is met in a search, and what of it is known from earlier ones."""

    def __init__(self, before: Learned = _NOTHING) -> None:
        self.before, self._nothing = before, frozenset(before.nothing)
        self.met: dict[tuple[str, ...], str] = {}
        self.again: list[Hit] = []

    def known(self, names: tuple[str, ...], digest: str) -> bool:
        """Whether this need not be searched: there is nothing in it, or it is known what is. It is noted as met."""
        self.met[names] = key = f"{len(names)} {digest}"
        hits = self.before.hold.get(key, ())
        self.again += (hit._replace(names=(*names, *hit.names)) for hit in hits)
        return bool(hits) or key in self._nothing

    def learned(self, hits: Sequence[Hit], lasting: Container[Trace]) -> Learned:
        """What is known after a search that led to these hits: what was met, then what was known before while there is room.

        Of what leads to a trace that is not `lasting` nothing is learned.
        """
        led = dict[str, list[Hit]]()
        inside = {hit: [self.met.get(hit.names[:length]) for length in range(1, len(hit.names) + 1)] for hit in hits}
        for hit, keys in inside.items():
            for length, key in enumerate(keys, 1):
                if key:
                    led.setdefault(key, []).append(hit._replace(names=hit.names[length:]))
        passing = {key for hit, keys in inside.items() if hit.trace not in lasting for key in keys}
        nothing = (key for key in dict.fromkeys((*self.met.values(), *self.before.nothing)) if key not in led)
        hold = {key: tuple(dict.fromkeys(found)) for key, found in led.items() if key not in passing}
        older = {key: found for key, found in self.before.hold.items() if key not in led}
        return Learned(nothing=tuple(islice(nothing, MOST)), hold=dict(islice({**hold, **older}.items(), MOST_HELD)))


def search(root: Path, entries: Mapping[str, str], wanted: Sequence[Trace], searched: Searched) -> list[Hit]:
    """Every trace in every file, once a file, and in what is packed in it; `entries` are the digests of the files by their paths.

    The order is the same whatever is known already.
    """
    longer = {one: [other.text for other in wanted if other.text.startswith(one.text) and other.text != one.text] for one in wanted}
    hits: list[Hit] = []
    for path, digest in entries.items() if wanted else ():
        if searched.known((path,), digest):
            continue
        with (root / path).open("rb") as stream:
            for names, piece in within.pieces(stream, (path,), known=searched.known):
                hits += (Hit(names, trace, around) for trace, around in _in_stream(piece, longer).items())
    again, searched.again = searched.again, []
    return sorted([*hits, *again])


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
