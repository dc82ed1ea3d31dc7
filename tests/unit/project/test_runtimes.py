"""Runtimes of AppImages are pinned or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge import recipes
from coldforge.errors import ConfigurationError
from coldforge.project.images import IMAGES, read_images
from coldforge.project.runtimes import find_runtime, read_runtimes
from coldforge.target import Target

DIGEST = "0123456789abcdef" * 4
IMAGE = f'[linux]\nbase = "x@sha256:{DIGEST}"\n'


def write(project: Path, text: str) -> Path:
    path = project / IMAGES
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_runtimes_are_pinned_and_no_images() -> None:
    found = read_runtimes(recipes.find(IMAGES))
    assert set(found) == {"x86_64", "aarch64"}
    assert all(
        runtime.url.startswith("https://") and "latest" not in runtime.url and len(runtime.sha256) == 64 for runtime in found.values()
    )
    assert not {runtime.name for runtime in found.values()} & set(read_images(recipes.find(IMAGES)))


def test_a_file_lies_beside(tmp_path: Path) -> None:
    path = write(tmp_path, f'[own]\nuse = "appimage"\nfile = "bin/runtime"\nsha256 = "{DIGEST}"\narchitectures = ["x86_64"]\n')
    assert find_runtime(Target.parse("linux-x86_64"), tmp_path).file == path.parent / "bin/runtime"
    with pytest.raises(ConfigurationError, match="no runtime for AppImages of linux-aarch64") as caught:
        find_runtime(Target.parse("linux-aarch64"), tmp_path)
    assert str(caught.value.where) == str(path)
    assert "[appimage-aarch64]" in caught.value.hint


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        ('url = "https://x/y"\narchitectures = ["x86_64"]', 3, "is not pinned: its sha256 is ''"),
        (f'architectures = ["x86_64"]\nsha256 = "{DIGEST[:-1]}"\nurl = "https://x/y"', 6, "is not pinned"),
        (f'sha256 = "{DIGEST}"\narchitectures = ["x86_64"]', 4, "needs one of url and file"),
        (f'sha256 = "{DIGEST}"\nurl = "https://x/y"\nfile = "y"\narchitectures = ["x86_64"]', 6, "needs one of url and file"),
        (f'sha256 = "{DIGEST}"\nurl = "ftp://x/y"\narchitectures = ["x86_64"]', 6, "'url' must be"),
        (f'sha256 = "{DIGEST}"\nurl = "https://x/y"', 4, "write architectures"),
        (f'sha256 = "{DIGEST}"\nurls = "https://x/y"\nfile = "y"\narchitectures = ["x86_64"]', 6, "did you mean url?"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_whoever_reads_the_file(lines: str, line: int, words: str, tmp_path: Path) -> None:
    path = write(tmp_path, f'{IMAGE}[own]\nuse = "appimage"\n{lines}\n')
    for read in (read_images, read_runtimes):
        with pytest.raises(ConfigurationError) as caught:
            read(path)
        (problem,) = caught.value.problems
        assert words in str(problem)
        assert problem.where is not None
        assert problem.where.line == line


def test_two_runtimes_for_one_machine_are_one_too_many(tmp_path: Path) -> None:
    entry = f'[{{}}]\nuse = "appimage"\nfile = "y"\nsha256 = "{DIGEST}"\narchitectures = ["x86_64"]\n'
    path = write(tmp_path, entry.format("one") + entry.format("two"))
    with pytest.raises(ConfigurationError) as caught:
        read_runtimes(path)
    assert "one and two are both for x86_64" in str(caught.value.problems[0])
