"""The plan: what is chosen, what it is called, and every reason why it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from coldforge.bundle.formats import BUNDLERS
from coldforge.errors import ConfigurationError, Location
from coldforge.plan.formats import FORMATS
from coldforge.plan.limits import MAX_ASSETS, OURS
from coldforge.plan.model import Plan
from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, Executable, Matrix, Product, TargetConfig
from coldforge.project.matrix import DEFAULT
from coldforge.records import SourceRecord, canonical

SOURCE = SourceRecord(commit="a" * 40, tag="v1.0.0", repository="acme/demo", epoch=1_700_000_000)
DEMO = Executable(name="demo", entry="demo:main")


def product(*executables: Executable, **given: Any) -> Product:
    return Product(**{"name": "Demo", "version": "1.0rc1", "executables": executables or (DEMO,), **given})


def plan(matrix: dict[str, Any] | None = None, config: dict[str, Any] | None = None, what: Product | None = None, **given: Any) -> Plan:
    return make_plan(
        product=what or product(),
        config=msgspec.convert(config or {}, Config),
        source=SOURCE,
        matrix=DEFAULT if matrix is None else msgspec.convert({"targets": matrix}, Matrix),
        coldforge="1",
        **given,
    )


def refused(*arguments: Any, **given: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        plan(*arguments, **given)
    assert caught.value.exit_code == 2
    return [str(problem) for problem in caught.value.problems]


def names(made: Plan) -> list[str]:
    return [artifact.name for target in made.targets for artifact in target.artifacts]


def test_the_default_matrix_makes_what_most_people_take() -> None:
    made = plan(what=product(DEMO, Executable(name="demo-show", entry="demo:show")))
    assert names(made) == [
        "Demo-1.0.0-rc.1-linux-x86_64.tar.gz",
        "demo-1.0.0-rc.1-linux-x86_64",
        "demo-show-1.0.0-rc.1-linux-x86_64",
        "demo_1.0.0-rc.1_amd64.deb",
        "Demo-1.0.0-rc.1-linux-x86_64.cdx.json",
    ]
    assert [a.executable for a in made.targets[0].artifacts] == ["", "demo", "demo-show", "", ""]
    assert (made.targets[0].runner, made.targets[0].container, made.targets[0].required) == ("ubuntu-24.04", "linux", True)


def test_every_planned_format_has_a_bundler() -> None:
    assert set(FORMATS) == set(BUNDLERS)
    assert set(DEFAULT.targets["linux-x86_64"].formats) <= set(FORMATS)


def test_equal_inputs_make_equal_plans_whatever_the_order() -> None:
    formats = {"formats": ["deb"]}
    one = plan({"linux-x86_64": formats, "linux-aarch64": formats})
    two = plan({"linux-aarch64": formats, "linux-x86_64": formats})
    assert canonical(one) == canonical(two)
    assert msgspec.json.decode(canonical(one), type=Plan) == one


@pytest.mark.parametrize(("text", "size"), [("", 0), ("60 MB", 60_000_000), ("1.5MB", 1_500_000), ("800 kB", 800_000), ("2 GB", 2 * 10**9)])
def test_a_budget_is_planned_in_bytes(text: str, size: int) -> None:
    (target,) = plan({"linux-x86_64": {"formats": ["deb"], "budget": text}}).targets
    assert target.budget == size


@pytest.mark.parametrize("text", ["60", "60 MiB", "sixty MB", "-1 MB", "60 MB or so"])
def test_a_budget_that_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="budget"):
        plan({"linux-x86_64": {"formats": ["deb"], "budget": text}})


def test_aliases_are_understood_and_never_printed() -> None:
    matrix = {"linux-amd64": {"formats": ["deb"]}, "Linux-ARM64": {"formats": ["deb"]}}
    assert [t.target for t in plan(matrix).targets] == ["linux-aarch64", "linux-x86_64"]
    assert [t.target for t in plan(matrix, targets=["linux-x64"]).targets] == ["linux-x86_64"]


def test_targets_and_formats_are_narrowed_to_what_was_named() -> None:
    matrix = {"linux-x86_64": {"formats": ["tar.gz", "deb"]}, "linux-aarch64": {"formats": ["deb", "tar.gz"], "optional": True}}
    made = plan(matrix, targets=["linux-aarch64"], formats=["deb", "deb"])
    assert names(made) == ["demo_1.0.0-rc.1_arm64.deb"]
    assert not made.targets[0].required


def test_a_format_is_made_once_however_often_it_is_named() -> None:
    assert len(names(plan({"linux-x86_64": {"formats": ["deb", "deb"]}}))) == 1


def test_the_debian_package_has_the_name_it_is_given() -> None:
    matrix = {"linux-x86_64": {"formats": ["deb"]}}
    assert names(plan(matrix, {"deb": {"package": "other"}})) == ["other_1.0.0-rc.1_amd64.deb"]


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        ({}, "there is nothing to build"),
        ({"linux-x86_64": {}}, "there is nothing to build"),
        ({"linux-x86_64": {"formats": ["debb"]}}, "linux-x86_64: this version of coldforge makes no 'debb' (did you mean deb?)"),
        ({"linux-x86_64": {"formats": ["floppy"]}}, f"makes no 'floppy' (known: {', '.join(sorted(FORMATS))})"),
        ({"linux-amd65": {"formats": ["deb"]}}, "unknown target 'linux-amd65' (did you mean linux-"),
        ({"windows-x86_64": {"formats": ["deb"]}}, "windows-x86_64: deb is for linux only"),
        (
            {"linux-x86_64-musl": {"formats": ["deb"]}},
            "deb is for systems whose C library is glibc (those for musl take tar.gz, tar.zst, onefile, apk",
        ),
        ({"linux-x86_64": {"formats": ["deb"]}, "linux-amd64": {"formats": ["deb"]}}, "linux-x86_64 is there twice"),
        ({"linux-x86_64": {"formats": ["deb"], "floor": "2.28"}}, "the floor '2.28' is not understood (write it like glibc-2.28)"),
        ({"macos-x86_64": {"formats": ["tar.gz"], "floor": "glibc-2.28"}}, "the floor 'glibc-2.28' is not understood (write it like 11.0)"),
        ({"macos-universal2": {"formats": ["tar.gz"]}}, "macos-universal2 is made of macos-x86_64 and macos-aarch64 (add what lacks"),
        (
            {"macos-aarch64": {"formats": ["tar.gz"], "floor": "10.15"}},
            "no Mac with this processor has macOS 10.15 (promise 11.0 or newer)",
        ),
    ],
)
def test_a_matrix_that_cannot_be_planned(matrix: dict[str, Any], words: str) -> None:
    (problem,) = refused(matrix)
    assert words in problem


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"targets": ["linux-x86"]}, "unknown target 'linux-x86' (did you mean linux-x86_64?"),
        ({"targets": ["macos-arm64"]}, "macos-aarch64 is not in the default matrix (it has linux-x86_64; `coldforge init` writes"),
        ({"formats": ["dep"]}, "unknown format 'dep' (did you mean deb?)"),
        ({"formats": ["deb"]}, "linux-x86_64 does not make deb (the default matrix gives it tar.gz; `coldforge init` writes"),
    ],
)
def test_words_on_the_command_line_that_mean_nothing(named: dict[str, Any], words: str) -> None:
    problems = refused({"linux-x86_64": {"formats": ["tar.gz"]}}, **named)
    assert len(problems) == 1
    assert words in problems[0]


@pytest.mark.parametrize("named", [{"formats": ["deb"]}, {"targets": ["linux-aarch64"]}])
def test_who_has_a_matrix_is_not_told_to_write_one(named: dict[str, Any]) -> None:
    (problem,) = refused({"linux-x86_64": {"formats": ["tar.gz"]}}, where=lambda *_: Location(Path("matrix.yml")), **named)
    assert "matrix.yml" in problem
    assert "init" not in problem


def test_all_problems_are_told_at_once_with_their_places_in_the_matrix() -> None:
    def where(*keys: str) -> Location:
        from pathlib import Path

        return Location(Path("/".join(keys)))

    matrix = {"linux-x86_64": {"formats": ["debb", "rpm"], "floor": "old"}, "linux-aarch65": {}, "windows-x86_64": {"formats": ["deb"]}}
    problems = refused(
        matrix, what=product(version="1!0"), targets=["linux-x86_64", "windows-x86_64", "beos"], formats=["debb"], where=where
    )
    expected = ["an epoch", "unknown format 'debb'", "linux-aarch65", "'beos'", "floor 'old'"]
    assert all(any(words in problem for problem in problems) for words in expected), problems
    assert any(problem.startswith("targets/linux-x86_64/floor: ") for problem in problems)
    assert any(problem.startswith("targets/linux-aarch65: ") for problem in problems)
    assert any(problem.startswith("targets/linux-x86_64/formats: ") for problem in refused(matrix, targets=["linux-x86_64"], where=where))


def test_names_that_differ_in_case_only_collide() -> None:
    problems = refused(what=product(DEMO, Executable(name="Demo", entry="demo:other")))
    assert any("the executables demo and Demo differ in case only" in problem for problem in problems)
    placed = refused(
        what=product(DEMO, Executable(name="Demo", entry="demo:other")), described=lambda *keys: Location(Path("/".join(keys)))
    )
    assert any(problem.startswith("scripts/Demo: the executables demo and Demo differ") for problem in placed)
    assert any("would be called Demo-1.0.0-rc.1-linux-x86_64" in problem and "onefile" in problem for problem in problems)


def test_executables_whose_names_become_equal_collide() -> None:
    problems = refused(
        {"linux-x86_64": {"formats": ["onefile"]}}, what=product(Executable(name="a+b", entry="a:b"), Executable(name="a-b", entry="a:c"))
    )
    name = "a-b-1.0.0-rc.1-linux-x86_64"
    both = f"two files of the release would be called {name}: the onefile of a-b, and the onefile of a+b for linux-x86_64"
    assert problems == [f"{both} (rename one of them)"]


@pytest.mark.parametrize("own", [*OURS, "MANIFEST.JSON", "sha256sums", "x.sigstore.json"])
def test_names_that_coldforge_needs_are_taken(own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coldforge.plan.names.archive", lambda *_: own)  # no product can be called so today; a format of tomorrow might be
    (problem,) = refused({"linux-x86_64": {"formats": ["tar.gz"]}})
    assert own in problem


def test_a_product_without_executables_cannot_be_planned() -> None:
    empty = msgspec.structs.replace(product(), executables=())
    assert any("no executable" in problem for problem in refused(what=empty))


def test_github_takes_a_thousand_files_of_one_release() -> None:
    matrix = {"linux-x86_64": {"formats": ["onefile"]}}
    most = (MAX_ASSETS - 1) // 2 - 2

    def with_executables(count: int) -> Product:
        return product(*(Executable(name=f"e{number}", entry="demo:main") for number in range(count)))

    assert len(names(plan(matrix, what=with_executables(most)))) == most
    assert f"GitHub takes {MAX_ASSETS}" in refused(matrix, what=with_executables(most + 1))[0]


def test_names_longer_than_file_systems_take_are_refused() -> None:
    long = refused({"linux-x86_64": {"formats": ["tar.gz"]}}, what=product(name="x" * 220))
    assert "longer than file systems take" in long[0]


def test_a_matrix_may_be_narrowed_to_what_this_version_can_make() -> None:
    matrix = {"linux-x86_64": {"formats": ["deb"]}, "windows-x86_64": {"formats": ["msi"]}}
    assert names(plan(matrix, targets=["linux-x86_64"])) == ["demo_1.0.0-rc.1_amd64.deb"]
    assert TargetConfig(formats=("msi",)) == msgspec.convert(matrix["windows-x86_64"], TargetConfig)


def test_what_is_made_from_another_file_needs_that_file() -> None:
    alone, without = refused({"linux-x86_64": {"formats": ["zsync"]}})
    assert "nothing looks for the file" in alone
    assert without == "linux-x86_64: zsync is made from the appimage (add it to the formats)"
