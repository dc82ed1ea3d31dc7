"""Whole projects on disk: every problem at once, with file and line; and none where there is none."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from coldforge.errors import ConfigurationError, Problem
from coldforge.project import load
from coldforge.project.gates import GATES
from coldforge.project.load import Project, load_project
from coldforge.project.metadata import ProjectTable
from coldforge.records import SourceRecord
from support.warned import warnings

PLAIN = """\
[build-system]
requires = ["hatchling"]
[project]
name = "demo"
version = "1.0"
[project.scripts]
demo = "demo.cli:main"
"""


@pytest.fixture(autouse=True)
def _no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """git is a process; tests/integration/test_project.py asks the real one."""
    monkeypatch.setattr(load, "read_source", lambda _root: SourceRecord(epoch=0))


def write(folder: Path, **files: str | bytes) -> Path:
    for name, text in files.items():
        path = folder / {"pyproject": "pyproject.toml", "coldforge": "coldforge.toml", "matrix": "matrix.yml"}.get(name, name)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def read(folder: Path, **files: str | bytes) -> Project:
    return load_project(write(folder, **files))


def told(folder: Path, **files: str | bytes) -> list[str]:
    """The problems of a project, with their places relative to it."""
    with pytest.raises(ConfigurationError) as caught:
        read(folder, **files)
    assert caught.value.exit_code == 2
    assert str(len(caught.value.problems)) in caught.value.what
    return [_words(problem, folder) for problem in caught.value.problems]


def _words(problem: Problem, folder: Path) -> str:
    return str(problem).replace(f"{folder}/", "")


def test_a_project_with_scripts_needs_no_configuration(tmp_path: Path) -> None:
    project = read(tmp_path, pyproject=PLAIN)
    assert project.root == tmp_path
    assert [(e.name, e.entry) for e in project.product.executables] == [("demo", "demo.cli:main")]
    assert list(project.matrix.targets) == ["linux-x86_64"]
    assert project.in_matrix("targets") is None


def test_the_path_may_be_the_file_itself_or_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, pyproject=PLAIN)
    assert load_project(tmp_path / "pyproject.toml").root == tmp_path
    monkeypatch.chdir(tmp_path)
    assert load_project(Path()).root == tmp_path


def test_gui_scripts_are_enough(tmp_path: Path) -> None:
    project = read(tmp_path, pyproject=PLAIN.replace("project.scripts", "project.gui-scripts"))
    assert not project.product.executables[0].console


def test_executables_of_the_configuration_are_enough(tmp_path: Path) -> None:
    text = PLAIN.split("[project.scripts]", maxsplit=1)[0] + '[tool.coldforge.executables.demo]\nentry = "demo:main"\n'
    assert read(tmp_path, pyproject=text).product.executables[0].entry == "demo:main"


def test_coldforge_toml_alone(tmp_path: Path) -> None:
    text = 'identifier = "org.example.demo"\n[project]\nname = "demo"\nversion = "2.0"\n[project.scripts]\ndemo = "demo:main"\n'
    project = read(tmp_path, coldforge=text)
    assert (project.product.name, project.product.version, project.product.identifier) == ("demo", "2.0", "org.example.demo")


def test_coldforge_toml_beside_a_pyproject_without_configuration(tmp_path: Path) -> None:
    assert read(tmp_path, pyproject=PLAIN + "[tool.other]\nx = 1\n", coldforge="[deb]\nrevision = 7\n").config.deb.revision == 7


def test_no_project_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no project in"):
        load_project(tmp_path)
    with pytest.raises(ConfigurationError, match="absent does not exist"):
        load_project(tmp_path / "absent")


def test_the_root_of_a_workspace_names_its_projects_and_nothing_that_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "pyproject.toml").write_text(PLAIN)
    (tmp_path / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["app"]\n')
    with pytest.raises(ConfigurationError, match="there is no project in") as caught:
        load_project(tmp_path)
    assert (caught.value.problems, caught.value.hint) == ((), "Name the folder of one: app.")


def test_all_problems_of_all_files_are_told_in_the_order_of_their_lines(tmp_path: Path) -> None:
    pyproject = """\
[project]
name = "my app"
version = 3
license-files = ["../LICENSE"]
readme = "README.md"
license = { file = "LICENSE" }
authors = "me"
[project.scripts]
tiny = "tiny main"
"sp ace" = "a:b"
both = "a:b"
[project.gui-scripts]
both = "a:b"
[tool.coldforge]
icn = "x.png"
displayName = "x"
icon = "x.png"
maintainer = "me"
executables = { a = { entry = "a b" } }
[tool.coldforge.pyinstaller]
hidden_imports = []
[tool.coldforge.gates]
flor = "x"
floor = " "
[tool.coldforge.environment]
lock = "uv.lok"
python = "bin/python"
"""
    matrix = "targets:\n  linux-x86_64:\n    format: [deb]\n    optional: maybe\n"
    lines = told(tmp_path, pyproject=pyproject, matrix=matrix)
    expected = [
        ("pyproject.toml:2: ", "'name' must be"),
        ("pyproject.toml:3: ", "'version' must be a text, not the number 3"),
        ("pyproject.toml:4: ", "'../LICENSE'"),
        ("pyproject.toml:5: ", "README.md does not exist"),
        ("pyproject.toml:6: ", "LICENSE does not exist"),
        ("pyproject.toml:7: ", "'authors' must be a list of tables"),
        ("pyproject.toml:9: ", "`package.module:function`"),
        ("pyproject.toml:10: ", "'sp ace' cannot be the name of a program"),
        ("pyproject.toml:13: ", "'both' is both a script and a gui-script"),
        ("pyproject.toml:15: ", "did you mean icon?"),
        ("pyproject.toml:16: ", "write display-name"),
        ("pyproject.toml:17: ", "the icon x.png does not exist"),
        ("pyproject.toml:18: ", "`Name <mail>`"),
        ("pyproject.toml:19: ", "'entry' must be"),
        ("pyproject.toml:21: ", "write hidden-imports"),
        ("pyproject.toml:23: ", "unknown gate 'flor' (did you mean floor?)"),
        ("pyproject.toml:24: ", "relaxed without a reason"),
        ("pyproject.toml:26: ", "uv.lok does not exist"),
        ("pyproject.toml:27: ", "bin/python does not exist"),
        ("matrix.yml:3:5: ", "did you mean formats?"),
        ("matrix.yml:4:5: ", "'optional' must be true or false"),
    ]
    assert len(lines) == len(expected), lines
    for line, (place, words) in zip(lines, expected, strict=True):
        assert line.startswith(place)
        assert words in line


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"pyproject": PLAIN.replace('"1.0"', '"1.0')}, "pyproject.toml:5:15: not valid TOML: Illegal character"),
        ({"pyproject": PLAIN + 'x = """open\n\n'}, "pyproject.toml:10: not valid TOML: "),
        ({"pyproject": PLAIN.encode() + b"# \xff\n"}, "pyproject.toml:8: not UTF-8 text"),
        ({"pyproject": PLAIN, "coldforge": "= 1\n"}, "coldforge.toml:1:1: not valid TOML: "),
        ({"pyproject": PLAIN + "[[tool.coldforge]]\n"}, "pyproject.toml:8: [tool.coldforge] must be a table"),
        ({"pyproject": "project = 3\n[tool.coldforge]\n"}, "pyproject.toml:1: [project] must be a table"),
        ({"pyproject": PLAIN + "[tool.coldforge]\nicon = 'a.svg'\n", "coldforge": "[deb]\n"}, "coldforge.toml:1: the product is config"),
        ({"pyproject": PLAIN, "coldforge": '[project]\nname = "x"\n'}, "coldforge.toml:2: the product is described twice"),
        ({"pyproject": PLAIN.replace('version = "1.0"\n', "")}, "pyproject.toml:3: the product has no version (add `version = "),
        ({"pyproject": PLAIN.replace('name = "demo"\n', "")}, "pyproject.toml:3: the product has no name"),
        ({"pyproject": PLAIN.replace('"1.0"', '"1.0"\ndynamic = ["version"]')}, "pyproject.toml:6: the version is given, and said to"),
        ({"coldforge": 'name = "x"\n[project]\nversion = "1"\nscripts = 3\n'}, "coldforge.toml:4: 'scripts' must be a table"),
    ],
)  # fmt: skip
def test_one_problem_and_its_place(files: dict[str, Any], line: str, tmp_path: Path) -> None:
    lines = told(tmp_path, **files)
    assert any(found.startswith(line) for found in lines), lines


def test_without_an_entry_point_the_lines_to_add_are_shown(tmp_path: Path) -> None:
    (line,) = told(tmp_path, pyproject=PLAIN.split("[project.scripts]", maxsplit=1)[0].replace("demo", "my-demo.app"))
    assert line.startswith("pyproject.toml:3: there is no entry point")
    assert '[project.scripts]\nmy-demo.app = "my_demo_app.cli:main"' in line


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII5x", 13, b"IHDR", width, height)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.png", png(256, 256), ""),
        ("A.PNG", png(256, 256), ""),
        ("a.svg", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', ""),
        ("a.png", png(256, 128), "is 256 by 128 pixels"),
        ("a.png", b"GIF89a" + bytes(40), "is not a PNG file"),
        ("a.png", png(1, 1)[:20], "is not a PNG file"),
        ("a.png", b"", "is not a PNG file"),
        ("a.svg", b"<html/>", "is not an SVG file"),
        ("a.ico", bytes(40), "is neither PNG nor SVG"),
        ("a", bytes(40), "is neither PNG nor SVG"),
        ("../a.png", png(1, 1), "is outside of the project"),
    ],
)
def test_the_icon_is_one_square_picture_in_the_project(name: str, data: bytes, words: str, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / name).write_bytes(data)
    pyproject = f'{PLAIN}[tool.coldforge]\nicon = "{name}"\n'
    if words:
        (line,) = told(folder, pyproject=pyproject)
        assert line.startswith(f"pyproject.toml:9: the icon {name} {words}")
    else:
        assert read(folder, pyproject=pyproject).product.icon == name


def test_every_gate_can_be_relaxed_with_a_reason(tmp_path: Path) -> None:
    reasons = "".join(f'{gate} = "because"\n' for gate in GATES)
    assert set(read(tmp_path, pyproject=f"{PLAIN}[tool.coldforge.gates]\n{reasons}").config.gates) == set(GATES)


def test_places_in_a_matrix_of_the_project(tmp_path: Path) -> None:
    project = read(tmp_path, pyproject=PLAIN, matrix="targets:\n  linux-x86_64:\n    formats: [deb]\n")
    assert str(project.in_matrix("targets", "linux-x86_64", "formats")) == f"{tmp_path}/matrix.yml:3:5"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('[tool.coldforge.licenses]\ndenied = ["GLP-3.0-only"]', "'GLP-3.0-only' is no SPDX licence (they are listed at"),
        ('[tool.coldforge.licenses]\nallowed = ["MIT OR ISC"]', "'MIT OR ISC' is more than one licence (name them one by one)"),
        ('[tool.coldforge.licenses.stated]\nthing = "BSD"', "'BSD' is no SPDX licence"),
    ],
)
def test_a_licence_that_would_never_match_is_refused(table: str, words: str, tmp_path: Path) -> None:
    (line,) = told(tmp_path, pyproject=f"{PLAIN}{table}\n")
    assert line.startswith("pyproject.toml:")
    assert f": {words}" in line


def test_licences_are_written_in_any_case_and_with_exceptions(tmp_path: Path) -> None:
    words = 'allowed = ["mit", "GPL-2.0-or-later WITH Bootloader-exception"]\nstated = { thing = "MIT OR (ISC AND Zlib)" }'
    assert read(tmp_path, pyproject=f"{PLAIN}[tool.coldforge.licenses]\n{words}\n").config.licenses.stated == {
        "thing": "MIT OR (ISC AND Zlib)"
    }


def test_no_code_of_a_project_runs_for_a_version_that_is_known(tmp_path: Path) -> None:
    folder = write(tmp_path, pyproject=PLAIN.replace('version = "1.0"', 'dynamic = ["version", "dependencies"]'))
    assert load_project(folder, version="2.5").product.version == "2.5"
    write(folder, pyproject=PLAIN)
    assert load_project(folder, version="2.5").product.version == "1.0"  # who knows better compares
    write(folder, pyproject=PLAIN.replace('version = "1.0"', 'dynamic = ["version", "authors", "description"]'))
    with pytest.raises(ConfigurationError, match="can tell its authors, description") as caught:
        load_project(folder, version="2.5")
    assert "--host" in caught.value.hint


NIGHTLY = 'display-name = "Demo of tonight"\n'


def test_a_file_that_is_named_is_the_configuration_instead_of_the_others(tmp_path: Path) -> None:
    pyproject = PLAIN + '[tool.coldforge]\ndisplay-name = "Demo"\n'
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases" / "nightly.toml").write_text(NIGHTLY)
    write(tmp_path, pyproject=pyproject, coldforge="not = TOML = at all")
    for name in ("releases/nightly.toml", "releases/../releases/nightly.toml", str(tmp_path / "releases" / "nightly.toml")):
        project = load_project(tmp_path, config=name)
        assert (project.product.name, project.product.display_name) == ("demo", "Demo of tonight")
        assert project.source.config == "releases/nightly.toml"
    (tmp_path / "coldforge.toml").unlink()
    usual = load_project(tmp_path, config="pyproject.toml")
    assert (usual.product.display_name, usual.source.config) == ("Demo", "")
    assert load.configured_in(tmp_path, "releases/nightly.toml") == (tmp_path / "releases/nightly.toml", ())
    assert load.configured_in(tmp_path, "") == (tmp_path / "pyproject.toml", ("tool", "coldforge"))


def test_a_project_may_have_no_other_configuration_than_the_one_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[project]\nname = "demo"\nversion = "1"\n[executables.demo]\nentry = "demo:main"\n')
    project = load_project(tmp_path, config="own.toml")
    assert project.product.name == "demo"
    place = project.in_project("version")
    assert place is not None
    assert (place.path.name, place.line) == ("own.toml", 3)


def test_problems_of_a_configuration_that_is_named_stand_there(tmp_path: Path) -> None:
    write(tmp_path, pyproject=PLAIN)
    (tmp_path / "nightly.toml").write_text('\ndisplay-nam = "x"\n')
    with pytest.raises(ConfigurationError) as caught:
        load_project(tmp_path, config="nightly.toml")
    assert [_words(problem, tmp_path).partition(": ")[0] for problem in caught.value.problems] == ["nightly.toml:2"]


@pytest.mark.parametrize("name", ["none.toml", ".", "..", "a\0b"])
def test_a_configuration_that_is_not_there(tmp_path: Path, name: str) -> None:
    write(tmp_path, pyproject=PLAIN)
    with pytest.raises(ConfigurationError, match="there is no configuration"):
        load_project(tmp_path, config=name)


def test_a_configuration_that_no_rebuild_would_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "outside.toml").write_text(NIGHTLY)
    folder = write(tmp_path / "project", pyproject=PLAIN)
    (folder / "link.toml").symlink_to("../outside.toml")
    for name in ("../outside.toml", str(tmp_path / "outside.toml"), "link.toml"):
        with pytest.raises(ConfigurationError, match="lies outside"):
            load_project(folder, config=name)


@pytest.mark.parametrize(
    ("version", "tag", "shallow", "warned"),
    [("0.1.dev1+g00", "", True, True), ("0.1.dev1+g00", "", False, False), ("1.2", "", True, False), ("1.2.dev3", "nightly", True, False)],
    ids=["tags may be missing", "whole", "from elsewhere", "tagged"],
)
def test_a_version_that_git_tells_in_a_shallow_clone_is_doubted(
    version: str, tag: str, *, shallow: bool, warned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = ProjectTable(name="demo", version=version, description="x", scripts={"demo": "demo:main"})
    monkeypatch.setattr("coldforge.project.dynamic.resolve", lambda *_: told)
    monkeypatch.setattr(load, "read_source", lambda _root: SourceRecord(commit="a", tag=tag, epoch=0))
    monkeypatch.setattr(load, "is_shallow", lambda _root: shallow)
    with warnings() as texts:
        read(tmp_path, pyproject=PLAIN.replace('version = "1.0"', 'dynamic = ["version"]\ndescription = "x"'))
    assert ["fetch-depth: 0" in text for text in texts] == [True] * warned
