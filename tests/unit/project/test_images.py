"""Build images are named by digest or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge import recipes
from coldforge.errors import ConfigurationError
from coldforge.project.images import IMAGES, find_image, read_images

DIGEST = f"sha256:{'0123456789abcdef' * 4}"


def write(project: Path, text: str) -> Path:
    """A project with an images.toml of its own."""
    path = project / IMAGES
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_images_are_pinned_and_name_no_registry(tmp_path: Path) -> None:
    images = read_images(recipes.find(IMAGES))
    assert "linux" in images
    for image in images.values():
        name, _, digest = image.base.rpartition("@")
        assert digest.startswith("sha256:")
        assert "." not in name.split("/")[0].split(":")[0]
        assert image.glibc or image.musl or image.wine
        assert image.architectures
    assert find_image("linux", tmp_path) == images["linux"]


@pytest.mark.parametrize("name", [DIGEST, f"python:3.13-bookworm@{DIGEST}", f"host.example:5000/team/python@{DIGEST}"])
def test_an_image_by_digest_needs_no_entry(name: str, tmp_path: Path) -> None:
    image = find_image(name, tmp_path)
    assert image.base == name
    assert image.identity == DIGEST


def test_the_projects_own_file_is_used_instead_of_ours(tmp_path: Path) -> None:
    write(tmp_path, f'[linux]\nbase = "{DIGEST}"\npython = "python3.12"\nglibc = "2.28"\n')
    image = find_image("linux", tmp_path)
    assert (image.base, image.python, image.glibc) == (DIGEST, "python3.12", "2.28")


@pytest.mark.parametrize(
    "base", ["python:3.13-bookworm", "python@sha256:abc", f"python@{DIGEST}0", f"{DIGEST.upper()}", f"two words@{DIGEST}", f" {DIGEST}", ""]
)
def test_an_image_without_a_whole_digest_is_refused_with_its_line(base: str, tmp_path: Path) -> None:
    path = write(tmp_path, f'[fine]\nbase = "{DIGEST}"\n\n[loose]\nglibc = "2.36"\nbase = "{base}"\n')
    with pytest.raises(ConfigurationError) as caught:
        find_image("fine", tmp_path)
    (problem,) = caught.value.problems
    assert str(problem.where) == f"{path}:6"
    assert "'loose' is not pinned" in problem.what


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, f'stray = 1\n[one]\nbase = "one:latest"\n[two]\nbase = "{DIGEST}"\npyhton = "python3"\n[three]\nbase = 3\n')
    with pytest.raises(ConfigurationError) as caught:
        read_images(path)
    told = [str(problem) for problem in caught.value.problems]
    assert [text.removeprefix(f"{path}:")[:1] for text in told] == ["1", "3", "6", "8"]
    assert "did you mean python?" in told[2]


def test_a_file_that_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, '[linux]\nbase = "x\n')
    with pytest.raises(ConfigurationError) as caught:
        find_image("linux", tmp_path)
    assert f"{IMAGES}:2" in str(caught.value.problems[0].where)


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'linxu'") as caught:
        find_image("linxu", tmp_path)
    assert "Did you mean linux?" in caught.value.hint


def written(tmp_path: Path, recipe: str) -> Path:
    """A project whose one image is made from this Dockerfile."""
    path = write(tmp_path, f'[own]\nbase = "{DIGEST}"\ndockerfile = "own.Dockerfile"\n')
    (path.parent / "own.Dockerfile").write_text(recipe, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "recipe",
    [
        "ARG BASE\nFROM ${BASE}\nRUN true\n",
        f"ARG BASE\nFROM debian@{DIGEST} AS tools\nfrom --platform=linux/amd64 $BASE\nCOPY --from=tools /bin/true /t\nFROM tools\n",
    ],
)
def test_a_dockerfile_is_part_of_what_the_image_is(recipe: str, tmp_path: Path) -> None:
    written(tmp_path, recipe)
    image = find_image("own", tmp_path)
    assert image.recipe == recipe
    (tmp_path / "containers" / "own.Dockerfile").write_text(f"{recipe}RUN false\n", encoding="utf-8")
    other = find_image("own", tmp_path)
    assert other.base == image.base
    assert len({other.identity, image.identity, DIGEST}) == 3


@pytest.mark.parametrize(
    ("recipe", "line", "what"),
    [
        ("ARG BASE\nFROM debian:12\n", 2, "debian:12"),
        ("ARG BASE\nFROM ${BASE} AS one\nFROM two\n", 3, "two"),
        ("ARG OTHER=debian\nFROM $OTHER\n", 2, "$OTHER"),
        ("RUN true\n", 1, "nothing"),
    ],
)
def test_a_dockerfile_that_stands_on_a_tag_is_refused_with_its_line(recipe: str, line: int, what: str, tmp_path: Path) -> None:
    path = written(tmp_path, recipe)
    with pytest.raises(ConfigurationError) as caught:
        find_image("own", tmp_path)
    (problem,) = caught.value.problems
    assert str(problem.where) == f"{path.with_name('own.Dockerfile')}:{line}"
    assert f"it stands on {what}, which is not pinned" in problem.what


def test_a_dockerfile_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "")
    path.with_name("own.Dockerfile").unlink()
    with pytest.raises(ConfigurationError) as caught:
        find_image("own", tmp_path)
    assert str(caught.value.problems[0].where) == f"{path}:3"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ('glibc = "2.36"\nmusl = "1.2"', "two C libraries"),
        ('glibc = "new"', "glibc"),
        ('architectures = ["amd64"]', "architectures"),
        ('dockerfile = "../own.Dockerfile"', "dockerfile"),
    ],
)
def test_what_an_entry_says_must_make_sense(keys: str, words: str, tmp_path: Path) -> None:
    path = write(tmp_path, f'[own]\nbase = "{DIGEST}"\n{keys}\n')
    with pytest.raises(ConfigurationError) as caught:
        read_images(path)
    (problem,) = caught.value.problems
    assert words in problem.what
    assert problem.where is not None
    assert (problem.where.line or 0) >= 3
