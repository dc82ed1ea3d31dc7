"""What `init` writes, and what it leaves alone."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml

from coldforge import starting
from coldforge.errors import ConfigurationError
from coldforge.project.config import Matrix
from coldforge.project.matrix import DEFAULT, read_matrix
from coldforge.project.read import Findings

BARE = '[project]\nname = "demo"\nversion = "1"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(BARE)
    return tmp_path


def test_the_files_are_what_their_readers_expect(root: Path) -> None:
    made = starting.scaffold(root, entry="demo.cli:main", ref="v1")
    assert tomllib.loads(made["pyproject.toml"])["project"]["scripts"] == {"demo": "demo.cli:main"}
    starting.write(root, made, force=False)
    findings = Findings()
    matrix: Matrix = read_matrix(root, findings)
    assert (matrix, findings.problems) == (DEFAULT, [])
    release, build = (yaml.safe_load(made[f".github/workflows/{name}.yml"]) for name in ("release", "build"))
    assert release["jobs"]["release"]["uses"].endswith("/release.yml@v1")
    assert {name: job["permissions"] for name, job in build["jobs"].items()} == {name: {"contents": "read"} for name in ("plan", "build")}
    compile(made["noxfile.py"], "noxfile.py", "exec")


def test_the_workflows_of_one_project_among_others_are_where_github_reads_them_and_named_after_it(root: Path) -> None:
    made = starting.scaffold(root, ref="v1", below="apps/démo")
    release, build = (yaml.safe_load(made[f"../../.github/workflows/{name}-démo.yml"]) for name in ("release", "build"))
    assert release["jobs"]["release"]["with"] == {"project": "apps/démo"}
    assert release[True] == {"push": {"tags": ["démo-v*"]}}  # `on`, as YAML 1.1 reads it
    used = [step["with"] for job in build["jobs"].values() for step in job["steps"] if step["uses"].startswith("coldforge/")]
    assert [each["project"] for each in used] == ["apps/démo"] * 2
    assert build["concurrency"]["group"].startswith("build-démo-")  # those of two projects do not cancel each other
    assert {name for name in made if not name.startswith("..")} == {"matrix.yml", "noxfile.py"}


def test_a_rebuilder_needs_one_workflow_and_no_project(tmp_path: Path) -> None:
    made = starting.rebuilder("acme/demo", ref=f"{'a' * 40} # v1")
    ((name, text),) = made.items()
    workflow = yaml.safe_load(text)
    assert (name, workflow["env"]) == (".github/workflows/rebuild.yml", {"WATCHED": "acme/demo"})
    assert f"ref: {'a' * 40} # v1, which must be the one that built the release" in text
    assert "ref: v2 # this coldforge, which" in starting.rebuilder("acme/demo", ref="v2")[name]
    rights = {job: each["permissions"] for job, each in workflow["jobs"].items()}
    assert rights == {"rebuild": {"contents": "read", "id-token": "write"}, "publish": {"contents": "write"}}
    assert not [step for job in workflow["jobs"].values() for step in job["steps"] if "${{" in step.get("run", "")]
    assert starting.write(tmp_path, made, force=False) == (name,)
    for wrong in ("acme", "acme/demo/x", "acme/demo: x", "acme/$(id)"):
        with pytest.raises(ConfigurationError, match="not a repository"):
            starting.rebuilder(wrong, ref="v1")


def test_nothing_of_the_user_is_lost(root: Path) -> None:
    (root / "noxfile.py").write_text("mine = 1\n")
    made = starting.scaffold(root, entry="demo:main", ref="v1")
    written = starting.write(root, made, force=False)
    assert "noxfile.py" not in written
    assert (root / "noxfile.py").read_text() == "mine = 1\n"
    assert (root / "pyproject.toml").read_text().startswith(BARE)
    assert starting.write(root, made, force=False) == ()
    assert starting.write(root, made, force=True) == ("noxfile.py",)


def test_a_project_that_says_what_starts_it_is_not_asked(root: Path) -> None:
    assert starting.lacks_entry(root)
    for more in (
        '[project.scripts]\ndemo = "a:b"\n',
        '[tool.coldforge]\nfreezer = "command"\n',
        '[tool.coldforge.executables.demo]\nentry = "a:b"\n',
    ):
        (root / "pyproject.toml").write_text(BARE + more)
        assert not starting.lacks_entry(root)


def test_a_project_whose_backend_says_everything_is_asked_nothing(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.poetry]\nname = "demo"\n[build-system]\nrequires = ["poetry-core"]\n')
    assert not starting.lacks_entry(tmp_path)


@pytest.mark.parametrize("text", [None, "[project", "[project]\n"], ids=["none", "broken", "nameless"])
def test_a_folder_that_is_no_project_is_explained(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"pyproject\.toml"):
        starting.choices(tmp_path)
