"""Sections that Debian has not are refused; descriptions that packages cannot show are remarked."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import Location
from coldforge.project import debian
from coldforge.project.read import Findings, Part
from coldforge.report.reporter import Silent


class Listening(Silent):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def warn(self, text: str, *, where: Location | None = None) -> None:
        self.heard.append(f"{where}: {text}")


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("utils", ""),
        ("non-free/utils", ""),
        ("contrib/x11", ""),
        ("util", "3: Debian has no section 'util' (did you mean utils?)"),
        ("nonfree/utils", "3: Debian has no area 'nonfree' (did you mean non-free?)"),
    ],
)
def test_sections_are_debians(section: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "coldforge.toml"
    file.write_text(f'name = "x"\n[deb]\nsection = "{section}"\n')
    findings = Findings()
    debian.check_section(section, Part(file=file), findings)
    assert [str(found) for found in findings.problems] == ([f"{file}:{problem}"] if problem else [])


@pytest.mark.parametrize(
    ("text", "dynamic", "heard"),
    [
        ("Does things.", False, ""),
        ("x" * 80, False, ""),
        (" x " * 41, False, "2: the description has 81 characters"),
        ("", False, "1: there is no description"),
        (" \t", False, "1: there is no description"),
        ("", True, ""),
    ],
)
def test_descriptions_are_lines(text: str, dynamic: bool, heard: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "coldforge.toml"
    file.write_text(f"[project]\ndescription = '{text.strip()}'\n" if text.strip() else "[project]\n")
    listening = Listening()
    monkeypatch.setattr(debian, "reporter", lambda: listening)
    debian.check_description(text, Part(file=file, keys=("project",)), dynamic=dynamic)
    assert [line.startswith(f"{file}:{heard}") for line in listening.heard] == ([True] if heard else [])
