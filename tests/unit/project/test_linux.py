"""What cannot be installed on a Linux system is told with its line, all at once."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import msgspec
import pytest

from coldforge.project.linux import LinuxConfig, check_linux, given
from coldforge.project.read import Findings, Part


def problems(folder: Path, text: str) -> list[str]:
    """What is said of a table `[linux]` with these lines; a few files are there."""
    for name in ("data/a.txt", "data/usr/bin/x", "demo.service", "other/demo.service", "run.sh"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("#!/bin/sh\n" if name == "run.sh" else "x\n")
    path = folder / "coldforge.toml"
    path.write_text(f"[linux]\n{text}\n")
    table = tomllib.loads(path.read_text())
    findings = Findings()
    check_linux(folder, Part(file=path, content=table), msgspec.convert(table["linux"], LinuxConfig), findings)
    return [str(problem).replace(f"{folder}/", "") for problem in findings.problems]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('files = { "/etc/a" = "no.txt" }', "no.txt does not exist"),
        ('files = { "/etc/a" = "../a.txt" }', "../a.txt is outside of the project"),
        ('files = { "/etc/a" = "/etc/passwd" }', "/etc/passwd is outside of the project"),
        ('files = { "etc/a" = "run.sh" }', "'etc/a' is no path from the root"),
        ('files = { "/etc/../a" = "run.sh" }', "'/etc/../a' is no path from the root"),
        ('files = { "/etc/a/" = "run.sh" }', "'/etc/a/' is no path from the root"),
        ('files = { "//a" = "run.sh" }', "'//a' is no path from the root"),
        ('files = { "/" = "run.sh" }', "/ is a folder on every system"),
        ('files = { "/.PKGINFO" = "run.sh" }', "/.PKGINFO does not belong to packages"),
        ('files = { "/bin/a" = "run.sh" }', "/bin/a is reached through a link: /bin is part of /usr (install it as /usr/bin/a)"),
        ('files = { "/lib64" = "data" }', "/lib64 is reached through a link"),
        ('files = { "/usr/local/a" = "run.sh" }', "/usr/local/a does not belong to packages: /usr/local is the system's or its owner's"),
        ('files = { "/home/a" = "run.sh" }', "/home/a does not belong to packages"),
        ('files = { "/usr/share/a\\u0007" = "run.sh" }', "/usr/share/a\x07 has a control character in its name"),
        ('files = { "/usr/a" = "data", "/usr/a/a.txt" = "run.sh" }', "/usr/a/a.txt has two sources: data and run.sh"),
        ('units = ["no.service"]', "the unit no.service does not exist"),
        ('units = ["data"]', "the unit data is no file"),
        ('units = ["run.sh"]', "'run.sh' is no name of a unit"),
        ('user-units = ["demo.service", "other/demo.service"]', "demo.service and other/demo.service would be the same unit"),
        ('scripts = { after-install = "no.sh" }', "the script no.sh does not exist"),
        ('scripts = { after-install = "demo.service" }', "the script demo.service is no script for the shell"),
        ('scripts = { before-remove = "data" }', "the script data is no file"),
    ],
)
def test_one_problem(line: str, problem: str, tmp_path: Path) -> None:
    (found,) = problems(tmp_path, line)
    assert found.startswith(f"coldforge.toml:2: {problem}")


def test_what_can_be_installed_is_no_problem(tmp_path: Path) -> None:
    text = """\
files = { "/" = "data", "/etc/demo/größe.conf" = "run.sh", "/usr/share/demo" = "data" }
units = ["demo.service"]
user-units = ["demo.service"]
scripts = { before-install = "run.sh" }
"""
    assert problems(tmp_path, text) == []


def test_a_folder_is_given_with_all_that_lies_in_it_and_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "data" / "empty").mkdir(parents=True)
    (tmp_path / "data" / "ä b").write_text("x")
    (tmp_path / "data" / "link").symlink_to("/etc")
    (tmp_path / "top").symlink_to("data")
    found = [path for path, _, _ in given(tmp_path, {"/opt/x": "data", "/opt/y": "top"})]
    assert found == ["/opt/x", "/opt/x/empty", "/opt/x/link", "/opt/x/ä b", "/opt/y"]


def test_what_is_neither_file_nor_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    os.mkfifo(tmp_path / "data" / "pipe")
    (found,) = problems(tmp_path, 'files = { "/usr/share/x" = "data" }')
    assert "/usr/share/x/pipe would be neither a file nor a folder nor a link" in found
