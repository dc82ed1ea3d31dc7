"""A build image that is made from a Dockerfile: on demand, once, from nothing but pinned things, and never half-way."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from coldforge.host import engine
from coldforge.project.images import IMAGES
from coldforge.records import Manifest, read
from support import images
from support.program import coldforge, interrupted
from support.repository import MATRIX, TINY, write

pytestmark = pytest.mark.integration


def project(folder: Path, base: str, *steps: str) -> Path:
    """A project whose own images.toml makes its image from `base`."""
    recipe = "\n".join(["ARG BASE", "FROM ${BASE}", *steps, ""])
    entry = f'[own]\nbase = "{base}"\ndockerfile = "own.Dockerfile"\nglibc = "2.36"\n'
    files = {IMAGES: entry, "containers/own.Dockerfile": recipe, "matrix.yml": MATRIX.format(container="own")}
    return write(folder, {**TINY, **files})


def made() -> set[str]:
    """The ids of all images that were made from Dockerfiles, finished ones."""
    with images.client() as client:
        return {str(image.id) for image in client.images.list(name=engine.BUILT)}


def test_an_image_is_made_once_and_frozen_in(container_env: dict[str, str], build_image: str, tmp_path: Path) -> None:
    source = project(tmp_path / "tiny", build_image, "RUN ln -s /usr/bin/python3 /usr/bin/snake && python3 --version")
    images_toml = source / IMAGES
    images_toml.write_text(f'{images_toml.read_text()}python = "/usr/bin/snake"\n')  # which only the step makes
    before = made()
    words: list[str | Path] = ["freeze", source, "--clean", "--verbose"]
    first = coldforge(*words, "--out", tmp_path / "one", env=container_env).succeeded()
    assert "Python 3.11" in first.err
    (number,) = made() - before
    second = coldforge(*words, "--out", tmp_path / "two", env=container_env).succeeded()
    assert "build the image" in first.err
    assert "build the image" not in second.err
    (one, two) = (read(tmp_path / name / "manifest.json", Manifest).targets[0] for name in ("one", "two"))
    assert one == two
    assert one.environment.workshop.startswith(f"{build_image}+sha256:")
    with images.client() as client:
        client.images.remove(number)


def test_a_step_that_fails_is_told_with_its_output(container_env: dict[str, str], build_image: str, tmp_path: Path) -> None:
    source = project(tmp_path / "tiny", build_image, "RUN echo this cannot work; exit 7")
    before = made()
    outcome = coldforge("freeze", source, "--out", tmp_path / "dist", env=container_env)
    outcome.failed(4, "the build image could not be made", "this cannot work", "7")
    assert made() == before


def test_nothing_runs_on_after_an_interrupt(container_env: dict[str, str], build_image: str, tmp_path: Path) -> None:
    source = project(tmp_path / "tiny", build_image, "RUN echo it begins && sleep 600")
    outcome = interrupted(
        "freeze", source, "--out", tmp_path / "dist", env=container_env, when=lambda line: line.strip().endswith("it begins")
    )
    assert outcome.code == 130
    assert "Traceback" not in outcome.err
    with images.client() as client:
        for _ in range(50):
            left = [one for one in client.containers.list(all=True) if "it begins" in str(one.attrs["Config"]["Cmd"])]
            if not left:
                return
            time.sleep(0.2)
    pytest.fail("a step of the build still runs")
