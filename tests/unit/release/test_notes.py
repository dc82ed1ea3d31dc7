"""Notes: our block is renewed, a person's words are not touched."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from coldforge.release.notes import BEGIN, END, LONGEST, block, body, changelog_section
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


def test_notes_are_cut_to_what_github_accepts_and_the_block_is_not() -> None:
    text = body("", f"{BEGIN}table{END}", "x" * 200_000)
    assert len(text) <= LONGEST
    assert text.endswith(f"{BEGIN}table{END}")
    assert "cut:" in text


def test_the_table_has_every_artifact(tmp_path: Path) -> None:
    manifest = make_release(tmp_path)
    text = block(manifest, repository="acme/demo", tag="v1.0.0")
    assert all(artifact.name in text for artifact in manifest.artifacts)
    assert "coldforge verify acme/demo@v1.0.0" in text
