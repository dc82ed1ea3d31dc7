"""What went into a build, as it is recorded and as it was when it was built again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from coldforge.records import Artifact, Distribution, Environment, Payload


def unlike(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The names under which two mappings do not say the same."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def changed(recorded: Environment, rebuilt: Environment) -> Iterator[str]:
    """Which inputs of a freeze were others, for people. The same bytes may come of them all the same."""
    for what, one, other in (
        ("where it was frozen", recorded.workshop, rebuilt.workshop),
        ("the lock", f"{recorded.lock} {recorded.lock_sha256[:12]}", f"{rebuilt.lock} {rebuilt.lock_sha256[:12]}"),
        ("the choice of extras", ", ".join(recorded.extras), ", ".join(rebuilt.extras)),
        ("the choice of groups", ", ".join(recorded.groups), ", ".join(rebuilt.groups)),
        ("the interpreter", _interpreter(recorded), _interpreter(rebuilt)),
        ("the system", recorded.system, rebuilt.system),
        ("the C library", recorded.glibc, rebuilt.glibc),
    ):
        if one != other:
            yield f"{what} was {one or 'not told'}, is {other or 'not told'}"
    for what, before, now in (
        ("the distribution", recorded.distributions, rebuilt.distributions),
        ("the freezer's distribution", recorded.freezer_distributions, rebuilt.freezer_distributions),
    ):
        yield from _other(what, _versions(before), _versions(now))
    for name in sorted(recorded.built.keys() | rebuilt.built.keys()):
        yield from _other(f"what built {name}:", _versions(recorded.built.get(name, ())), _versions(rebuilt.built.get(name, ())))
    yield from _other("the answer to", recorded.tools, rebuilt.tools)
    yield from _builds(recorded.programs, rebuilt.programs)


def toolbox(recorded: str, rebuilt: str) -> Iterator[str]:
    """Whether the programs that made formats were another image's, or a machine's own."""
    if recorded != rebuilt:
        one, other = (image or "the machine's own" for image in (recorded, rebuilt))
        yield f"the toolbox was {one}, is {other}"


def tools(recorded: tuple[Artifact, ...], rebuilt: tuple[Artifact, ...]) -> Iterator[str]:
    """Which artifacts were written by another tool than is recorded, and which programs of the same version are other files."""
    now = {artifact.name: artifact.tool for artifact in rebuilt}
    for artifact in recorded:
        if artifact.tool and now.get(artifact.name, artifact.tool) != artifact.tool:
            yield f"{artifact.name} was written by {artifact.tool}, now by {now[artifact.name] or 'no tool'}"
    yield from _builds(*({said: at for artifact in each for said, at in artifact.programs.items()} for each in (recorded, rebuilt)))


def _builds(recorded: Mapping[str, str], rebuilt: Mapping[str, str]) -> Iterator[str]:
    """Which programs of the machine are other files under the same name and version."""
    for said in sorted(recorded.keys() & rebuilt.keys()):
        if recorded[said] != rebuilt[said]:
            yield f"the program {said} was {recorded[said][:12]}, is {rebuilt[said][:12]}"


def origins(recorded: Payload, rebuilt: Payload) -> Iterator[str]:
    """Which libraries and distributions the files of two trees come from in other versions."""
    one, other = ({f"{f.origin.kind} {f.origin.name}": f.origin.version for f in payload.files} for payload in (recorded, rebuilt))
    yield from _other("files of", one, other)


def _interpreter(environment: Environment) -> str:
    python = environment.interpreter
    return f"{python.implementation} {python.version} {python.sha256[:12]}" if python else ""


def _versions(found: tuple[Distribution, ...]) -> dict[str, str]:
    return {dist.name: dist.version for dist in found}


def _other(what: str, one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[str]:
    for name in unlike(one, other):
        yield f"{what} {name} was {one.get(name, 'not there')}, is {other.get(name, 'not there')}"
