"""Notes: our block is renewed, a person's words are not touched."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.errors import ConfigurationError
from coldforge.plan.formats import FORMATS
from coldforge.release.notes import BEGIN, END, INSTALL, LONGEST, TEMPLATE, block, body, changelog_section, from_commits, is_about
from support.releases import make_release

CHANGELOG = """\
# Changelog

## [Unreleased]

- later

## [1.2.3] - 2026-01-01

- a thing

### Fixed

- another

## 1.2.30

- no
"""


def test_the_section_of_exactly_this_version() -> None:
    assert changelog_section(CHANGELOG, "1.2.3") == "- a thing\n\n### Fixed\n\n- another"
    assert changelog_section(CHANGELOG, "1.2.30") == "- no"
    assert changelog_section(CHANGELOG, "1.2") == ""


def test_commits_are_grouped_when_they_say_what_they_are() -> None:
    assert from_commits([("a1", "mend it"), ("b2", "Docs: say it")]) == "- mend it (a1)\n- Docs: say it (b2)"
    told = [("a1", "fix(ui): one <!-- two"), ("b2", "feat: three"), ("c3", "refactor!: four"), ("d4", "docs: five")]
    expected = (
        "### Breaking\n\n- four (c3)\n\n### New\n\n- three (b2)\n\n### Fixed\n\n- one &lt;!-- two (a1)\n\n### Changed\n\n- docs: five (d4)"
    )
    assert from_commits(told) == expected
    assert from_commits([]) == ""


plain = st.text(st.characters(codec="ascii", exclude_characters="<>\r")).map(str.strip)


@given(plain, plain)
def test_words_around_the_block_survive_every_run(before: str, after: str) -> None:
    text = f"{before}\n{BEGIN}old{END}\n{after}"
    once = body(text, f"{BEGIN}new{END}", "notes")
    assert once == f"{before}\n{BEGIN}new{END}\n{after}"
    assert body(once, f"{BEGIN}new{END}", "notes") == once


def test_a_text_without_a_block_gets_one_behind_it() -> None:
    assert body("By hand.", f"{BEGIN}x{END}", "unused") == f"By hand.\n\n{BEGIN}x{END}"
    assert body("", f"{BEGIN}x{END}", "From the changelog.") == f"From the changelog.\n\n{BEGIN}x{END}"


@given(plain, plain, plain.filter(bool))
def test_appended_notes_come_once_and_take_nothing_away(before: str, after: str, notes: str) -> None:
    text = f"{before}\n{BEGIN}old{END}\n{after}"
    once = body(text, f"{BEGIN}new{END}", notes, mode="append")
    assert once.startswith(before)
    assert once.endswith(f"{BEGIN}new{END}\n{after}")
    assert notes in once
    assert body(once, f"{BEGIN}new{END}", notes, mode="append") == once


def test_appended_notes_that_a_person_changed_stay_changed() -> None:
    once = body("By hand.", f"{BEGIN}x{END}", "- a ting", mode="append")
    mended = once.replace("a ting", "a thing")
    assert mended != once
    assert body(mended, f"{BEGIN}x{END}", "- a ting", mode="append") == mended
    assert body(mended, f"{BEGIN}x{END}", "", mode="append") == mended


def test_only_replacing_takes_words_away() -> None:
    text = f"By hand.\n\n{BEGIN}old{END}\n\nBy hand, too."
    assert body(text, f"{BEGIN}new{END}", "notes", mode="replace") == f"notes\n\n{BEGIN}new{END}"


def test_appended_notes_are_cut_and_a_persons_words_are_not() -> None:
    words = "w" * (LONGEST - 1000)
    once = body(words, f"{BEGIN}table{END}", "x" * 5000, mode="append")
    assert once.startswith(words)
    assert "cut:" in once
    assert len(once) <= LONGEST
    assert body(once, f"{BEGIN}table{END}", "x" * 5000, mode="append") == once
    full = "w" * (LONGEST - len(f"{BEGIN}table{END}") - 2)
    assert body(full, f"{BEGIN}table{END}", "x" * 5000, mode="append") == f"{full}\n\n{BEGIN}table{END}"


def test_notes_are_cut_to_what_github_accepts_and_the_block_is_not() -> None:
    text = body("", f"{BEGIN}table{END}", "x" * 200_000)
    assert len(text) <= LONGEST
    assert text.endswith(f"{BEGIN}table{END}")
    assert "cut:" in text


@pytest.mark.parametrize("fence", ["```python", "  ~~~~", "- ```", "> ```"])
def test_notes_that_are_cut_leave_no_code_open(fence: str) -> None:
    """What is behind an open fence is code to GitHub: the table would be no table."""
    inside = re.sub(r"[^>`~]", " ", fence.removesuffix("python"))
    for length in range(LONGEST - 200, LONGEST - 60):  # the cut falls before, into and behind the second fence
        text = body("", f"{BEGIN}table{END}", f"{fence}\na = 1\n{inside}\n{'x' * length}\n{fence}\n{'y' * 200}\n{inside}\n")
        fences = re.findall(r"^([->`~ ]*)(```|~~~)", text, re.MULTILINE)
        assert len(fences) % 2 == 0
        assert fences[-1][0] != "- ", "what closes it is inside of the same item"
        assert LONGEST - 40 < len(text) <= LONGEST
        assert text.endswith(f"{BEGIN}table{END}")


def test_marks_in_the_notes_are_no_marks() -> None:
    """A text that was copied from another release, and words about coldforge itself."""
    notes = f"Before.\n\n{BEGIN}\nthe other release's table\n{END}"
    once = body("", f"{BEGIN}new{END}", notes)
    assert (once.count(BEGIN), once.count(END)) == (1, 1)
    assert body(once, f"{BEGIN}newer{END}", notes) == once.replace("new", "newer")
    appended = body("By hand.", f"{BEGIN}new{END}", notes, mode="append")
    assert body(appended, f"{BEGIN}new{END}", notes, mode="append") == appended


def test_the_table_has_every_artifact(tmp_path: Path) -> None:
    manifest = make_release(tmp_path)
    text = block(manifest, repository="acme/demo", tag="v1.0.0")
    assert all(artifact.name in text for artifact in manifest.artifacts)
    assert "coldforge verify acme/demo@v1.0.0" in text


def test_every_file_that_can_be_installed_has_its_command(tmp_path: Path) -> None:
    manifest = make_release(tmp_path)
    (target,) = manifest.targets
    first, second = target.artifacts
    windows = msgspec.structs.replace(first, format="onefile", target="windows-x86_64")
    targets = (
        msgspec.structs.replace(target, artifacts=(second,)),
        msgspec.structs.replace(target, target="windows-x86_64", artifacts=(windows,)),
    )
    manifest = msgspec.structs.replace(manifest, targets=targets)
    text = block(manifest, repository="acme/demo", tag="v1.0.0", without=("macos-arm64",), lacking=("demo.msi",))
    assert f"| linux-x86_64 | deb | `sudo apt install ./{second.name}` |" in text
    assert f"| windows-x86_64 | onefile | `.\\{first.name}` |" in text
    assert "Not in this release: macos-arm64" in text
    assert "**Not complete yet.** Planned and not there: demo.msi" in text
    assert "\n\n\n" not in text


def test_each_format_says_how_it_is_installed_or_goes_with_another() -> None:
    assert set(FORMATS) - set(INSTALL) == {"sbom", "zsync"}
    assert set(INSTALL) <= set(FORMATS)


def test_a_projects_own_template_says_what_it_likes(tmp_path: Path) -> None:
    manifest = make_release(tmp_path / "dist")
    own = tmp_path / "project" / TEMPLATE
    own.parent.mkdir(parents=True)
    own.write_text("$product $version costs 5 $$ at $repository.\n")
    text = block(manifest, repository="acme/demo", tag="v1.0.0", project=tmp_path / "project")
    assert "\ndemo 1.0.0 costs 5 $ at acme/demo.\n" in text
    assert is_about(text, repository="acme/demo", tag="v1.0.0")
    assert not is_about(text, repository="acme/demo", tag="v1.0.1")


@pytest.mark.parametrize("wrong", ["$price", "5 $", END])
def test_a_template_that_cannot_be_used_is_named(wrong: str, tmp_path: Path) -> None:
    manifest = make_release(tmp_path / "dist")
    own = tmp_path / TEMPLATE
    own.parent.mkdir(parents=True)
    own.write_text(wrong)
    with pytest.raises(ConfigurationError, match=TEMPLATE):
        block(manifest, repository="acme/demo", tag="v1.0.0", project=tmp_path)
