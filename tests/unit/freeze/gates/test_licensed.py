"""The licence policy: what expressions mean for it, and what is said of parts."""

from __future__ import annotations

import pytest

from coldforge.freeze.gates.licensed import from_licenses, permits
from coldforge.project.config import LicensesConfig
from coldforge.project.licenses import canonical
from coldforge.records import Component

BOOT_LOADER = "GPL-2.0-or-later WITH Bootloader-exception"
NO_GPL = LicensesConfig(denied=("GPL-2.0-or-later", "GPL-3.0-only"))
ONLY = LicensesConfig(allowed=("MIT", "apache-2.0", "GPL-2.0-only WITH Classpath-exception-2.0", "LGPL-2.1-or-later"))
BOTH = LicensesConfig(allowed=("MIT", "ISC"), denied=("ISC",))


@pytest.mark.parametrize(
    ("expression", "policy", "permitted"),
    [
        ("MIT", NO_GPL, True),
        ("GPL-3.0-only", NO_GPL, False),
        ("MIT OR GPL-3.0-only", NO_GPL, True),
        ("GPL-3.0-only OR MIT", NO_GPL, True),
        ("MIT AND GPL-3.0-only", NO_GPL, False),
        ("GPL-3.0-only AND MIT", NO_GPL, False),
        ("MIT AND (ISC OR GPL-3.0-only)", NO_GPL, True),
        ("MIT OR ISC AND GPL-3.0-only", NO_GPL, True),  # AND binds closer
        ("(MIT OR ISC) AND GPL-3.0-only", NO_GPL, False),
        (BOOT_LOADER, NO_GPL, True),
        (BOOT_LOADER, LicensesConfig(denied=(BOOT_LOADER,)), False),
        ("Apache-2.0", ONLY, True),
        ("ISC", ONLY, False),
        ("LGPL-2.1-or-later WITH Autoconf-exception-2.0", ONLY, True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", ONLY, True),
        ("GPL-2.0-only", ONLY, False),
        ("LicenseRef-Ours", ONLY, False),
        ("LicenseRef-Ours", LicensesConfig(allowed=("LicenseRef-Ours",)), True),
        ("MIT", BOTH, True),
        ("ISC", BOTH, False),
    ],
)
def test_an_expression_is_judged_by_what_it_means(expression: str, policy: LicensesConfig, permitted: bool) -> None:
    assert permits(canonical(expression), policy) is permitted


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("mit", "MIT"),
        ("GPL-3.0", "GPL-3.0-only"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("AGPL-3.0+ or (MIT and isc)", "AGPL-3.0-or-later OR (MIT AND ISC)"),
        ("GPL-3.0-only", "GPL-3.0-only"),
        ("GPL-2.0-with-classpath-exception", "GPL-2.0-with-classpath-exception"),
        ("Apache-2.0+", "Apache-2.0+"),
        ("BSD License", ""),
        ("MIT, Apache-2.0", ""),
        ("", ""),
    ],
)
def test_one_spelling_compares(text: str, same: str) -> None:
    assert canonical(text) == same


def part(license_: str, *, kind: str = "distribution", name: str = "thing") -> Component:
    return Component(kind=kind, name=name, version="1.2", license=license_)  # type: ignore[arg-type]  # one of its words


@pytest.mark.parametrize(("policy", "level"), [(NO_GPL, "warning"), (ONLY, "error")])
@pytest.mark.parametrize(("said", "told"), [("BSD License", "'BSD License', which is no SPDX expression"), ("", "nothing")])
def test_what_is_not_known_is_named(policy: LicensesConfig, level: str, said: str, told: str) -> None:
    (finding,) = from_licenses([part(said)], policy)
    assert (finding.gate, finding.level) == ("license", level)
    assert finding.message == f"the licence of thing 1.2 is not known: it says {told}"


def test_what_is_stated_counts_instead() -> None:
    policy = LicensesConfig(allowed=("BSD-3-Clause",), stated={"thing": "BSD-3-Clause", "other": "GPL-3.0-only"})
    (finding,) = from_licenses([part("BSD License"), part("BSD-3-Clause", name="other")], policy)
    assert finding.message == "other 1.2 is under GPL-3.0-only, which the project's policy does not permit"


@pytest.mark.parametrize("kind", ["distribution", "python", "system", "freezer"])
def test_every_part_counts_but_the_application_itself(kind: str) -> None:
    parts = [part("GPL-3.0-only", kind="application", name="own"), part("GPL-3.0-only", kind=kind)]
    (finding,) = from_licenses(parts, NO_GPL)
    assert finding.message.startswith("thing 1.2 ")


def test_without_a_policy_nothing_is_judged() -> None:
    assert list(from_licenses([part("GPL-3.0-only"), part("")], LicensesConfig())) == []
