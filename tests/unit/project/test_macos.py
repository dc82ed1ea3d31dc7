"""What no application for macOS can say of itself is told with its line, all at once."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from coldforge.project.macos import MacosConfig, Use, check_macos, usage_key
from coldforge.project.read import Findings, Part


def problems(folder: Path, text: str) -> list[str]:
    """What is said of a table `[macos]` with these lines."""
    path = folder / "coldforge.toml"
    path.write_text(f"[macos]\n{text}\n")
    table = tomllib.loads(path.read_text())
    findings = Findings()
    check_macos(Part(file=path, content=table), msgspec.convert(table["macos"], MacosConfig), findings)
    return [str(problem).replace(f"{folder}/", "") for problem in findings.problems]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('usage = { camera = " " }', "the usage text of camera is empty (macOS shows it"),
        ('plist = { CFBundleVersion = "1" }', "CFBundleVersion is made from the product, its version and the target's floor (remove it)"),
        ('plist = { LSMinimumSystemVersion = "1" }', "LSMinimumSystemVersion is made from"),
        (
            'plist = { NSCameraUsageDescription = "x" }',
            "NSCameraUsageDescription has a place of its own (write it into [tool.coldforge.macos.usage])",
        ),
        ("plist = { Since = 2020-01-01 }", "Since has a date (Info.plist has texts"),
        ('plist = { Deep = [{ a = "\\u0001" }] }', "Deep has a control character"),
    ],
)
def test_one_problem(line: str, problem: str, tmp_path: Path) -> None:
    (found,) = problems(tmp_path, line)
    assert found.startswith(f"coldforge.toml:2: {problem}")


def test_what_a_property_list_holds_is_no_problem(tmp_path: Path) -> None:
    text = (
        'category = "developer-tools"\nagent = true\nusage = { photos = "To show them" }\nplist = { A = [1, 2.5, true, { B = "Größe" }] }'
    )
    assert problems(tmp_path, text) == []


@pytest.mark.parametrize("line", ['category = "Developer Tools"', 'usage = { xray = "x" }', "agent = 1"])
def test_words_that_are_none_are_no_configuration(line: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(tomllib.loads(line), MacosConfig)


def test_every_usage_has_a_key_of_its_own() -> None:
    keys = [usage_key(use) for use in get_args(Use)]
    assert len(set(keys)) == len(keys)
    assert {"NSAppleEventsUsageDescription", "NSBluetoothAlwaysUsageDescription", "NSPhotoLibraryUsageDescription"} <= set(keys)
