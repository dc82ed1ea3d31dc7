"""`license`: parts under licences that the project's policy does not let it distribute, or under none that is known.

Source: SPDX 2.3, annex D (expressions): of what `OR` joins one may be chosen, of what `AND` joins all count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from coldforge.freeze.gates import found
from coldforge.project.config import LicensesConfig
from coldforge.project.licenses import canonical
from coldforge.records import Component, Finding

_WORDS: Final = re.compile(r"[()]|[^\s()]+")


def from_licenses(components: Sequence[Component], policy: LicensesConfig) -> Iterator[Finding]:
    """What the policy refuses, part by part. What is not known is refused where only some licences are allowed, told otherwise."""
    if not policy.allowed and not policy.denied:
        return
    for part in components:
        if part.kind == "application":
            continue
        said = policy.stated.get(part.name, part.license)
        expression, name = canonical(said), f"{part.name} {part.version}".strip()
        if not expression:
            says = f"says {said!r}, which is no SPDX expression" if said else "says nothing"
            yield found("license", f"the licence of {name} is not known: it {says}", level=None if policy.allowed else "warning")
        elif not permits(expression, policy):
            yield found("license", f"{name} is under {expression}, which the project's policy does not permit")


def permits(expression: str, policy: LicensesConfig) -> bool:
    """Whether something under a licence may be distributed; `expression` is a canonical one.

    >>> permits("MIT OR (GPL-3.0-only AND ISC)", LicensesConfig(denied=("GPL-3.0-only",)))
    True
    """
    return _Reader(expression, policy).choice()


class _Reader:
    """One pass through an expression, which says at each point whether what was read may be distributed."""

    def __init__(self, expression: str, policy: LicensesConfig) -> None:
        self._words = _WORDS.findall(expression)
        self._allowed, self._denied = ({canonical(text) for text in texts} for texts in (policy.allowed, policy.denied))

    def choice(self) -> bool:
        """What `OR` joins."""
        permitted = self._all()
        while self._take("OR"):
            permitted = self._all() or permitted
        return permitted

    def _all(self) -> bool:
        permitted = self._one()
        while self._take("AND"):
            permitted = self._one() and permitted
        return permitted

    def _one(self) -> bool:
        if self._take("("):
            permitted = self.choice()
            self._take(")")
            return permitted
        name = self._words.pop(0)
        whole = f"{name} WITH {self._words.pop(0)}" if self._take("WITH") else name
        # an exception only adds to what the licence permits
        return whole not in self._denied and (not self._allowed or bool({name, whole} & self._allowed))

    def _take(self, word: str) -> bool:
        taken = self._words[:1] == [word]
        del self._words[: int(taken)]
        return taken
