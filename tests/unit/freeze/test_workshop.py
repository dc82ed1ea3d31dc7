"""Where a freeze runs is decided before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import ConfigurationError
from coldforge.freeze.workshop import choose_image
from coldforge.host import engine
from coldforge.report import use
from coldforge.report.reporter import Silent
from coldforge.target import Target

LINUX = Target("linux", "x86_64")
DIGEST = f"sha256:{'0' * 64}"


class Told(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(engine, "SOCKET", tmp_path / "absent.sock")


@pytest.fixture
def an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")


@pytest.mark.usefixtures("an_engine")
def test_a_named_image_is_used_where_there_is_an_engine(tmp_path: Path) -> None:
    image = choose_image(DIGEST, target=LINUX, host=False, project=tmp_path)
    assert image is not None
    assert image.base == DIGEST


@pytest.mark.usefixtures("an_engine")
def test_the_host_is_used_when_it_is_asked_for_or_nothing_is_named(tmp_path: Path) -> None:
    assert choose_image(DIGEST, target=LINUX, host=True, project=tmp_path) is None
    assert choose_image("", target=LINUX, host=False, project=tmp_path) is None
    assert choose_image(DIGEST, target=Target("macos", "aarch64"), host=False, project=tmp_path) is None, "no container is a Mac"


@pytest.mark.usefixtures("an_engine")
def test_python_is_frozen_for_windows_by_wine_and_commands_compile_where_the_project_says(tmp_path: Path) -> None:
    windows = Target("windows", "x86_64")
    by_wine = choose_image("", target=windows, host=False, project=tmp_path)
    assert by_wine is not None
    assert by_wine.wine
    assert choose_image("", target=windows, host=False, project=tmp_path, commands=True) is None
    named = choose_image(DIGEST, target=windows, host=False, project=tmp_path, commands=True)
    assert named is not None
    assert named.base == DIGEST


@pytest.mark.usefixtures("no_engine")
def test_without_an_engine_the_host_is_used_and_that_is_said(tmp_path: Path) -> None:
    told = Told()
    use(told)
    try:
        assert choose_image(DIGEST, target=LINUX, host=False, project=tmp_path) is None
    finally:
        use(Silent())
    (line,) = told.lines
    assert "no container engine" in line


@pytest.mark.usefixtures("no_engine")
def test_a_wrong_name_is_an_error_even_where_it_would_not_be_used(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nonsense"):
        choose_image("nonsense", target=LINUX, host=False, project=tmp_path)
