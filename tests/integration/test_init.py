"""`init` in a project as it lies around, and what it wrote at work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from coldforge import __version__
from support.program import coldforge
from support.repository import MODULE, PYPROJECT, write

pytestmark = pytest.mark.integration
SILENT = PYPROJECT.partition("[project.scripts]")[0]
FILES = {"pyproject.toml": SILENT, "src/tiny/__init__.py": "", "src/tiny/cli.py": MODULE}
OURS = [".github/workflows/build.yml", ".github/workflows/release.yml", "matrix.yml", "noxfile.py"]


def test_a_project_is_ready_after_one_command(tmp_path: Path, host_env: dict[str, str]) -> None:
    project = write(tmp_path / "tiny", FILES)
    done = coldforge("init", project, env=host_env)
    assert done.code == 0, done.err
    assert sorted(line for line in changed(project)) == sorted([*OURS, "pyproject.toml"])
    assert 'tiny = "tiny.cli:main"' in (project / "pyproject.toml").read_text()
    assert coldforge("plan", project, env=host_env).code == 0
    again = coldforge("init", project, "--yes", env=host_env)
    assert (again.code, "Nothing had to be written" in again.err) == (0, True)
    for path in (project / ".github/workflows").iterdir():  # of a released coldforge the commit is known, and written there
        path.write_text(path.read_text().replace(f"@v{__version__}", f"@{'a' * 40} # v{__version__}"))
    words = [str(Path(sys.executable).with_name("zizmor")), "--offline", "--quiet", "--persona", "auditor", str(project)]
    linted = subprocess.run(words, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout


def test_a_project_below_the_top_of_its_repository_has_its_workflows_at_the_top(tmp_path: Path, host_env: dict[str, str]) -> None:
    repository = write(tmp_path / "many", {f"apps/tiny/{name}": text for name, text in FILES.items()})
    done = coldforge("init", repository / "apps" / "tiny", env=host_env)
    assert done.code == 0, done.err
    ours = [*(f".github/workflows/{name}-tiny.yml" for name in ("build", "release")), "apps/tiny/matrix.yml", "apps/tiny/noxfile.py"]
    assert sorted(changed(repository)) == sorted([*ours, "apps/tiny/pyproject.toml"])


def test_a_project_that_is_new_in_its_repository_has_them_at_the_top_as_well(tmp_path: Path, host_env: dict[str, str]) -> None:
    """Before anything of it is committed; a folder that git ignores is no part of the repository."""
    repository = write(tmp_path / "many", {"README.md": "", ".gitignore": "/own\n"})
    for folder in ("new", "own"):
        for name, text in FILES.items():
            (repository / folder / name).parent.mkdir(parents=True, exist_ok=True)
            (repository / folder / name).write_text(text)
        assert coldforge("init", repository / folder, env=host_env).code == 0
    assert (repository / ".github/workflows/release-new.yml").is_file()
    assert (repository / "own/.github/workflows/release.yml").is_file()


def test_a_file_of_the_users_stays_and_the_difference_is_shown(tmp_path: Path, host_env: dict[str, str]) -> None:
    project = write(tmp_path / "tiny", {**FILES, "noxfile.py": "mine = 1\n"})
    done = coldforge("init", project, env=host_env)
    assert done.code == 0, done.err
    assert "-mine = 1" in done.err
    assert "Left as it is: noxfile.py" in done.err
    assert (project / "noxfile.py").read_text() == "mine = 1\n"
    assert coldforge("init", project, "--force", env=host_env).code == 0
    assert "coldforge.sessions" in (project / "noxfile.py").read_text()


def test_what_cannot_be_found_is_an_error_where_nobody_can_be_asked(tmp_path: Path, host_env: dict[str, str]) -> None:
    files = {**FILES, "src/tiny/app.py": "def run(): ...\n"}
    project = write(tmp_path / "tiny", files)
    done = coldforge("init", project, env=host_env)
    assert done.code == 2
    assert "tiny.cli:main or tiny.app:run" in done.err
    assert changed(project) == []


def test_without_any_configuration_it_is_initialised_in_memory_and_built(tmp_path: Path, host_env: dict[str, str]) -> None:
    project = write(tmp_path / "tiny", FILES)
    done = coldforge("build", project, "--host", "--format", "tar.gz", "--out", tmp_path / "dist", env=host_env)
    assert done.code == 0, done.err
    assert 'tiny = "tiny.cli:main"' in done.err
    assert changed(project) == []
    (program,) = (tmp_path / "dist").glob("*/payload/tiny")
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == "tiny%20runs\n"


def changed(project: Path) -> list[str]:
    """What git sees that is not committed."""
    words = ["git", "-C", str(project), "status", "--porcelain", "--untracked-files=all"]
    return [line[3:] for line in subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()]
