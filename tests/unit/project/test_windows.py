"""What cannot be installed on Windows is told with its line, all at once."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from coldforge.project.read import Findings, Part
from coldforge.project.windows import WindowsConfig, check_windows, name_problem


def problems(folder: Path, text: str) -> list[str]:
    """What is said of a table `[windows]` with these lines, of a product with one program."""
    path = folder / "coldforge.toml"
    path.write_text(f"[windows]\n{text}\n")
    table = tomllib.loads(path.read_text())
    findings = Findings()
    check_windows(Part(file=path, content=table), msgspec.convert(table["windows"], WindowsConfig), ["demo"], findings)
    return [str(problem).replace(f"{folder}/", "") for problem in findings.problems]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('folder = "a/b"', "the folder 'a/b' has the character '/'"),
        ('folder = "Aux"', "the folder 'Aux' is the name of a device"),
        ('folder = "demo."', "the folder 'demo.' ends with a dot or a blank"),
        ('publisher = "a\\nb"', "the publisher has a control character"),
        ('languages = ["de", "de"]', "'de' is there twice"),
        ('shortcuts = ["desktop", "start-menu", "desktop"]', "'desktop' is there twice"),
        ('after-install = ["cmd /c echo"]', "'cmd' is no executable of the product (it begins with one of them: demo)"),
        ('msix-publisher = "Example Ltd"', "'Example Ltd' is no subject of a certificate"),
        ('msix-publisher = "CN=Example Ltd; C=DE"', "'CN=Example Ltd; C=DE' is no subject of a certificate"),
        ('after-install = [""]', "'' is no command line"),
        ('before-remove = ["demo \'x"]', '"demo \'x" is no command line'),
    ],
)
def test_one_problem(line: str, problem: str, tmp_path: Path) -> None:
    (found,) = problems(tmp_path, line)
    assert found.startswith(f"coldforge.toml:2: {problem}")


@pytest.mark.parametrize("line", ['scope = "system"', 'languages = ["tlh"]', "languages = []", 'upgrade-code = "123"', 'msi-version = "x"'])
def test_words_that_are_none_are_no_configuration(line: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(tomllib.loads(line), WindowsConfig)


def test_what_can_be_installed_is_no_problem(tmp_path: Path) -> None:
    text = 'scope = "both"\nfolder = "Größe & Co"\nafter-install = [\'demo --in "C:\\a b"\']\nlanguages = ["de", "en"]'
    assert problems(tmp_path, text) == []


@pytest.mark.parametrize("subject", ["CN=Example Ltd, O=Example Ltd, C=DE", "CN=A,C=DE", 'CN="A, B", OID.1.2.3=x', "CN=Größe & Co"])
def test_a_subject_of_a_certificate_is_no_problem(subject: str, tmp_path: Path) -> None:
    assert problems(tmp_path, f"msix-publisher = '{subject}'") == []


@pytest.mark.parametrize(
    "name", ["con", "NUL.txt", "com1", "LPT9.tar.gz", "aux ", "a:b", 'a"b', "a?", "a\\b", "tab\t", "end.", "end ", "COM²"]
)
def test_names_that_windows_does_not_take(name: str) -> None:
    assert name_problem(name)


@pytest.mark.parametrize("name", ["console", "com10", "nul_", ".hidden", "größe.txt", "a'b", "$x", "日本語", "com"])
def test_names_that_windows_takes(name: str) -> None:
    assert name_problem(name) == ""
