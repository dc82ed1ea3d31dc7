"""What counts as source, in real repositories: all that git tracks, and nothing that builds leave."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from coldforge.errors import ConfigurationError
from coldforge.freeze.sources import copy, digest, source_files, tracked_files
from coldforge.pipeline import _check_out
from coldforge.project.source import read_source
from coldforge.rebuild.fetch import fetch

pytestmark = pytest.mark.integration

PERSON = {f"GIT_{role}_{key}": f"a{key.lower()}@example.org" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}


def git(folder: Path, *words: str) -> None:
    env = {**os.environ, **PERSON, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", "-c", "protocol.file.allow=always", "-C", folder, *words], check=True, capture_output=True, env=env)


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def output(folder: Path) -> None:
    """A folder as a build leaves it."""
    write(folder, ".lock", "plan.json", "linux-x86_64/payload/app")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with all that a listing may overlook."""
    library = tmp_path / "library"
    write(library, "vendored.py")
    git(library, "init", "-q")
    git(library, "add", "-A")
    git(library, "commit", "-qm", "library")
    root = tmp_path / "project"
    write(
        root, "pyproject.toml", "src/app/__init__.py", "src/app/dist/__init__.py", "src/app/static/dist/app.js", "data/words.txt", "run.sh"
    )
    (root / "run.sh").chmod(0o755)
    (root / "src" / "app" / "data").symlink_to("../../data")
    (root / ".gitignore").write_text("*.log\n")
    git(root, "init", "-q")
    git(root, "submodule", "--quiet", "add", str(library), "library")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "source")
    return root


EXPECTED = {
    ".gitignore", ".gitmodules", "pyproject.toml", "src/app/__init__.py", "src/app/dist/__init__.py", "src/app/static/dist/app.js",
    "data/words.txt", "src/app/data/words.txt", "run.sh", "library/vendored.py",
}  # fmt: skip


def listed(project: Path, out: Path) -> set[str]:
    return {path.as_posix() for path in source_files(project, out)}


def test_everything_that_is_tracked_is_source(project: Path, tmp_path: Path) -> None:
    assert listed(project, tmp_path / "elsewhere") == EXPECTED


def test_nothing_that_a_build_left_is_source_or_makes_it_dirty(project: Path) -> None:
    for name in ("dist", "out", "made/deeper"):
        output(project / name)
    write(project, "noise.log")
    assert listed(project, project / "dist") == EXPECTED
    assert not any(part in str(path) for path in source_files(project, project / "dist") for part in ("payload", "plan.json"))
    (project / "made" / "deeper" / "plan.json").unlink()
    assert read_source(project).dirty, "a folder that is no output is somebody's work"


def test_only_output_folders_leave_it_clean(project: Path) -> None:
    output(project / "dist")
    output(project / "out")
    assert not read_source(project).dirty
    write(project, "new.py")
    assert read_source(project).dirty


def test_a_new_file_is_source_before_it_is_tracked(project: Path) -> None:
    write(project, "src/app/new.py")
    assert listed(project, project / "dist") == EXPECTED | {"src/app/new.py"}


def test_a_change_behind_a_link_or_in_a_submodule_is_a_change(project: Path) -> None:
    for name in ("data/words.txt", "library/vendored.py", "src/app/static/dist/app.js"):
        before = digest(project, source_files(project, project / "dist"))
        (project / name).write_text("changed")
        assert digest(project, source_files(project, project / "dist")) != before, name


def test_a_link_that_leads_out_is_not_followed(project: Path, tmp_path: Path) -> None:
    write(tmp_path, "secret/key")
    (project / "src" / "app" / "out").symlink_to(tmp_path / "secret")
    assert listed(project, project / "dist") == EXPECTED


def test_the_copy_has_names_bytes_and_executable_bits(project: Path, tmp_path: Path) -> None:
    files = source_files(project, project / "dist")
    copy(project, files, tmp_path / "copy")
    found = tuple(sorted(path.relative_to(tmp_path / "copy") for path in (tmp_path / "copy").rglob("*") if path.is_file()))
    assert found == files
    assert digest(tmp_path / "copy", found) == digest(project, files)


def test_without_a_repository_everything_but_junk_and_outputs_is_source(tmp_path: Path) -> None:
    write(tmp_path, "pyproject.toml", "src/app/dist/x.py", "dist/old.whl", ".venv/bin/python", "src/app/__pycache__/x.pyc")
    output(tmp_path / "made")
    assert listed(tmp_path, tmp_path / "dist") == {"pyproject.toml", "src/app/dist/x.py"}
    assert tracked_files(tmp_path) is None


def test_nothing_is_made_among_the_source(project: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds files of the project's source"):
        _check_out(project, project / "src")
    _check_out(project, project / "dist")
    _check_out(project, project / "src" / "made")


def asking(folder: Path, *below: Path) -> Path:
    """A repository that asks for a filter of its files, with others below it."""
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / ".gitattributes").write_text("* filter=lfs\n")
    write(folder, "large")
    for other in below:
        git(folder, "submodule", "--quiet", "add", str(other), other.name)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "all")
    return folder


def test_no_program_of_the_user_is_started_for_what_a_commit_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the repository nor in one below it: a filter that ran would leave its mark, and other bytes."""
    origin = asking(tmp_path / "origin", asking(tmp_path / "below"))
    source = read_source(origin)
    (tmp_path / "config").write_text(
        f'[filter "lfs"]\nsmudge = "touch {tmp_path}/ran; echo other"\nrequired = true\n[protocol "file"]\nallow = always\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    project = fetch(str(origin), source, tmp_path / "clone")
    assert [(project / name).read_text() for name in ("large", "below/large")] == ["large", "large"]
    assert not (tmp_path / "ran").exists()
