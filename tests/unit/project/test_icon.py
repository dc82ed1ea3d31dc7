"""Pictures that no icon can be made from are told with their line; small ones are remarked."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from coldforge.project import icon
from coldforge.project.config import Config
from coldforge.project.icon import check_icons, icon_problem
from coldforge.project.read import Findings, Part
from coldforge.report.reporter import Silent

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{content}</svg>'


def png(width: int, height: int) -> bytes:
    return PNG + width.to_bytes(4, "big") + height.to_bytes(4, "big")


def svg(attributes: str = "", content: str = "") -> bytes:
    return SVG.format(attributes=attributes, content=content).encode()


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("a.png", png(256, 256), ""),
        ("a.PNG", png(16, 16), ""),
        ("a.png", png(256, 255), "is 256 by 255 pixels"),
        ("a.png", png(8, 8), "is 8 pixels wide, too small for any size of a theme"),
        ("a.png", b"GIF89a", "is not a PNG file"),
        ("a.jpg", b"", "is neither PNG nor SVG"),
        ("a.svg", b"<html>", "is not an SVG file"),
        ("a.svg", b"\xff<svg>", "is not UTF-8 text"),
        ("a.svg", svg(), ""),
        ("a.svg", svg('viewBox="0 0 10.5 10.5"'), ""),
        ("a.svg", svg('viewBox="0,0,10,20" width="5" height="5"'), "is 10 by 20 units"),
        ("a.svg", svg('width="10px" height="12px"'), "is 10 by 12 units"),
        ("a.svg", svg('width="100%" height="12"'), ""),
        ("a.svg", svg(content="<text>x</text>"), "holds text, which looks different with each machine's fonts: turn it into paths"),
        ("a.svg", svg(content='<image xlink:href="b.png"/>'), "shows another file, b.png: embed it"),
        ("a.svg", svg(content='<use href="#g"/><image href="data:image/png;base64,AA"/><a href="https://x">y</a>'), ""),
    ],
)
def test_what_is_wrong_with_a_picture(name: str, data: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    assert icon_problem(tmp_path, name) == problem


@pytest.mark.parametrize(
    ("name", "problem"), [("../a.png", "is outside of the project"), ("/a.png", "is outside of the project"), ("no.png", "does not exist")]
)
def test_a_picture_must_be_in_the_project(name: str, problem: str, tmp_path: Path) -> None:
    assert icon_problem(tmp_path, name) == problem


class Listening(Silent):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def warn(self, text: str, *, where: object = None) -> None:
        self.heard.append(f"{where}: {text}")


def test_each_icon_is_looked_at_and_told_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """\
icon = "small.png"
[executables.demo]
file-associations = [
  { mime-type = "a/b" },
  { mime-type = "a/c", icon = "no.png" },
]
"""
    (tmp_path / "coldforge.toml").write_text(text)
    (tmp_path / "small.png").write_bytes(png(128, 128))
    table = tomllib.loads(text)
    findings, listening = Findings(), Listening()
    monkeypatch.setattr(icon, "reporter", lambda: listening)
    check_icons(tmp_path, Part(file=tmp_path / "coldforge.toml", content=table), msgspec.convert(table, Config), findings)
    assert [str(problem) for problem in findings.problems] == [
        f"{tmp_path}/coldforge.toml:5: the icon no.png does not exist (it must be one square PNG or SVG in the project)"
    ]
    (warning,) = listening.heard
    assert warning.startswith(f"{tmp_path}/coldforge.toml:1: the icon small.png is 128 pixels wide")
