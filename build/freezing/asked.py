"""Which distributions ask for which, by what their metadata says; markers and extras count as an installer counts them.

Source: core metadata 2.4 (Requires-Dist, Provides-Extra).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from freezing.installed import named, normalised


def asked(application: str, declared: Sequence[str], others: Iterable[str]) -> Mapping[str, set[str]]:
    """For every distribution that is reached from the application or is one of the others: what it asks for by itself.

    `declared` are requirements of the project that its metadata does not name as such: of chosen extras and groups.
    """
    found: dict[str, set[str]] = {}
    done: set[tuple[str, str]] = set()
    rest = [(application, ""), *((name, "") for name in others)]
    for name, extras in requirements(declared, ""):
        found.setdefault(application, set()).add(name)
        rest += [(name, extra) for extra in ("", *extras)]
    while rest:
        one = name, extra = rest.pop()
        dist = named(name)
        if one in done or dist is None:
            continue
        done.add(one)
        for other, extras in requirements(dist.requires or (), extra):
            found.setdefault(name, set()).add(other)
            rest += [(other, extra) for extra in ("", *extras)]
    return found


def requirements(texts: Iterable[str], extra: str) -> Iterator[tuple[str, set[str]]]:
    """The distributions that requirements name, with the extras of them; those whose marker holds here and with this extra."""
    from packaging.requirements import InvalidRequirement, Requirement  # PyInstaller needs it too

    for text in texts:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:  # of a distribution that is older than the standard
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield normalised(requirement.name), requirement.extras
