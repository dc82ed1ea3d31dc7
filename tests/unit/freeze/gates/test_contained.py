"""What a tree is made of, against what was asked for."""

from __future__ import annotations

import pytest

from coldforge.freeze.gates import Import
from coldforge.freeze.gates.contained import from_budget, from_unlocked, from_unused, in_use
from coldforge.records import Component

APPLICATION = Component(kind="application", name="demo", version="1.0", size=1000, archived=500, requires=("rich",))
RICH = Component(kind="distribution", name="rich", version="14.0", size=2000, archived=3000, requires=("pygments",))
PYGMENTS = Component(kind="distribution", name="pygments", version="2.0", size=9000)
IPYTHON = Component(kind="distribution", name="ipython", version="9.0", size=9_000_000, requires=("jedi",))
JEDI = Component(kind="distribution", name="jedi", version="0.19", size=1_000_000)
PYTHON = Component(kind="python", name="python", version="3.11.7", size=20_000_000)
BOOT_LOADER = Component(kind="freezer", name="pyinstaller", version="6.22.3", archived=9000)
SETUPTOOLS = Component(kind="freezer", name="setuptools", version="80.9", archived=400_000)
PARTS = (APPLICATION, RICH, PYGMENTS, IPYTHON, JEDI, PYTHON, BOOT_LOADER)
WHERE_THERE = (Import("ipython", "rich", "rich.jupyter", False), Import("jedi", "ipython", "IPython.core.completer", True))


def unused(*imports: Import) -> dict[str, str]:
    return {finding.message.split()[0]: finding.message for finding in from_unused(PARTS, imports)}


def test_what_others_import_where_it_is_there_is_unused_with_what_only_that_needs() -> None:
    found = unused(*WHERE_THERE)
    assert found.keys() == {"ipython", "jedi"}
    assert "ipython 9.0 " in found["ipython"]
    assert found["ipython"].endswith("imported by rich.jupyter")


@pytest.mark.parametrize(
    "use",
    [
        Import("ipython", "rich", "rich.repl", True),  # something that is used always imports it
        Import("ipython", "demo", "demo.shell", False),  # the application knows when it needs it
        Import("ipython", "demo", "", True),  # the configuration, or a rule, names it
    ],
)
def test_what_is_needed_or_named_is_used_with_all_that_it_requires(use: Import) -> None:
    assert unused(*WHERE_THERE, use) == {}


def test_what_pythons_own_modules_import_is_not_needed_by_that() -> None:
    application = Component(kind="application", name="demo", requires=("python",))
    assert in_use((application, PYTHON, SETUPTOOLS), [Import("setuptools", "python", "distutils", True)]) == {"demo", "python"}


def test_what_no_module_imports_was_collected_on_purpose() -> None:
    assert unused() == {}


def test_parts_that_require_each_other_end() -> None:
    parts = (APPLICATION, Component(kind="distribution", name="rich", requires=("demo", "rich")))
    assert in_use(parts, ()) == {"demo", "rich"}


@pytest.mark.parametrize(("plain", "by", "level"), [(True, "rich", "error"), (False, "rich", "warning"), (False, "demo", "error")])
def test_what_is_there_for_the_freezer_is_an_error_where_it_is_needed(plain: bool, by: str, level: str) -> None:
    (finding,) = from_unlocked((*PARTS, SETUPTOOLS), [Import("setuptools", by, f"{by}.plugins", plain)])
    assert (finding.gate, finding.level) == ("unlocked", level)
    assert "setuptools 80.9" in finding.message
    assert finding.message.endswith(f"imported by {by}.plugins")


def test_the_boot_loader_needs_no_lock() -> None:
    assert list(from_unlocked(PARTS, [])) == []


@pytest.mark.parametrize(("budget", "size"), [(0, 10**9), (5_000_000, 5_000_000)])
def test_no_budget_or_one_that_is_kept(budget: int, size: int) -> None:
    assert list(from_budget(budget, size, PARTS, programs=1)) == []


def test_the_ten_largest_are_named_with_what_every_program_carries_of_them() -> None:
    small = [Component(kind="distribution", name=f"part-{number:02}", size=number) for number in range(12)]
    (finding,) = from_budget(20_000_000, 30_000_000, (*PARTS, *small), programs=2)
    assert finding.message == (
        "the tree has 30.0 MB, 20.0 MB are allowed; Python and libraries of the system have 20.0 MB of it, the largest distributions: "
        "ipython 9.0 MB, jedi 1.0 MB, pygments 9.0 kB, rich 8.0 kB, demo 2.0 kB, "
        "part-11 0.0 kB, part-10 0.0 kB, part-09 0.0 kB, part-08 0.0 kB, part-07 0.0 kB"
    )


def test_a_tree_of_unknown_parts_has_a_size_too() -> None:
    (finding,) = from_budget(1000, 1_000_000, (), programs=1)
    assert finding.message == "the tree has 1.0 MB, 1.0 kB are allowed"
