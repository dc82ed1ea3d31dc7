"""matrix.yml: the default, and a project's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge import recipes
from coldforge.project.config import Matrix
from coldforge.project.matrix import DEFAULT, read_matrix
from coldforge.project.read import Findings, read_yaml


def test_the_default_is_what_the_shipped_file_says(tmp_path: Path) -> None:
    findings = Findings()
    shipped = read_yaml(recipes.find("matrix.yml"), findings)
    assert shipped is not None
    assert shipped.typed(Matrix, findings) == DEFAULT == read_matrix(tmp_path, findings)
    assert not findings.problems


def test_a_project_has_its_own(tmp_path: Path) -> None:
    (tmp_path / "matrix.yml").write_text("targets:\n  linux-x86_64: { runner: mine, formats: [deb], floor: glibc-2.31, optional: true }\n")
    findings = Findings()
    matrix = read_matrix(tmp_path, findings)
    assert not findings.problems
    given = matrix.targets["linux-x86_64"]
    assert (given.runner, given.container, given.floor, given.formats, given.optional) == ("mine", "", "glibc-2.31", ("deb",), True)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("targets: {\n  a: b\n", "matrix.yml:3:1", "not valid YAML"),
        ("targets:\n\t- x\n", "matrix.yml:2:1", "not valid YAML: found character that cannot start any token (indent with spaces"),
        ("- a\n", "matrix.yml:1", "must be a mapping"),
        ("", "matrix.yml:1", "must be a mapping"),
        ("a: !!python/object/apply:os.getcwd []\n", "matrix.yml:1:4", "not valid YAML"),
        ("targets:\n  a: {}\n  b: {}\n  a: {}\n", "matrix.yml:4:3", "twice"),
        ("targets: &a\n  linux-x86_64: *a\n", "matrix.yml", "an alias in it stands for something that it lies in itself"),
        ("targets: {linux-x86_64: {runner: 2004-13-45}}\n", "matrix.yml", "not valid YAML: month must be in 1..12 (put a text"),
        ('targets: {linux-x86_64: {runner: !!int "x"}}\n', "matrix.yml", "not valid YAML: invalid literal for int()"),
        ("targets: {}\ntarget: {}\n", "matrix.yml:2:1", "unknown key"),
        ("targets:\n  linux-x86_64:\n", "matrix.yml:2:3", "must be a table, not empty"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, place: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "matrix.yml").write_text(text)
    findings = Findings()
    read_matrix(tmp_path, findings)
    (problem,) = findings.problems
    assert words in str(problem)
    assert str(problem.where).endswith(place)
