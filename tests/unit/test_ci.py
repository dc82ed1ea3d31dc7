"""The action's inputs become the words that a person would type."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from coldforge.ci import SESSIONS, command_line
from coldforge.cli import desk_command
from coldforge.commands import coldforge
from coldforge.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_given_builds_the_project_here() -> None:
    assert command_line({}) == ["build", "--out", "dist", "--", "."]


def test_every_input_finds_its_option() -> None:
    given = {
        "COLDFORGE_SESSION": "build",
        "COLDFORGE_PROJECT": "app",
        "COLDFORGE_TARGET": "linux-x86_64  linux-aarch64",
        "COLDFORGE_FORMAT": "deb",
        "COLDFORGE_OUT": "o",
        "COLDFORGE_HOST": "true",
    }
    words = "build --target linux-x86_64 --target linux-aarch64 --format deb --out o --host -- app"
    assert command_line(given) == words.split()


def test_a_release_belongs_to_the_workflows_repository() -> None:
    given = {"COLDFORGE_SESSION": "release", "GITHUB_REPOSITORY": "acme/demo", "COLDFORGE_PUBLISH": "true", "COLDFORGE_TAG": "v1"}
    assert command_line(given) == ["release", "--repo", "acme/demo", "--tag", "v1", "--publish", "--", "dist"]


JOB = {"COLDFORGE_SESSION": "verify", "GITHUB_REPOSITORY": "acme/demo", "GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "--repo acme/demo --tag v1"),
        ({"COLDFORGE_REPO": "Acme/Demo"}, "--repo Acme/Demo --tag v1"),
        ({"COLDFORGE_TAG": "v2"}, "--repo acme/demo --tag v2"),
        ({"COLDFORGE_REPO": "acme/other"}, "--repo acme/other"),
        ({"GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "main"}, "--repo acme/demo"),
    ],
)
def test_the_tag_that_was_built_is_the_one_to_verify(given: dict[str, str], words: str) -> None:
    assert command_line({**JOB, **given}) == ["verify", *words.split(), "--", "dist"]


@pytest.mark.parametrize("session", SESSIONS)
def test_an_input_that_looks_like_an_option_is_a_folder(session: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = command_line({"COLDFORGE_SESSION": session, "COLDFORGE_PROJECT": "--help", "COLDFORGE_OUT": "--help"})
    assert words[-2:] == ["--", "--help"]
    done = CliRunner().invoke(coldforge, words)
    assert done.exit_code != 0
    assert "Usage" not in done.output


@pytest.mark.parametrize("given", [{"COLDFORGE_SESSION": "deploy"}, {"COLDFORGE_HOST": "yes"}])
def test_what_is_not_understood_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        command_line(given)


@pytest.mark.parametrize("session", SESSIONS)
def test_the_words_are_options_that_exist(session: str) -> None:
    everything = {
        "COLDFORGE_SESSION": session,
        "COLDFORGE_TARGET": "linux-x86_64",
        "COLDFORGE_FORMAT": "deb",
        "COLDFORGE_HOST": "true",
        "COLDFORGE_PUBLISH": "true",
        "COLDFORGE_REPO": "acme/demo",
        "COLDFORGE_TAG": "v1",
        "COLDFORGE_TRUST_CONFIG": "t.json",
    }
    known = {option for parameter in coldforge.commands[session].params for option in parameter.opts}
    assert {word for word in command_line(everything) if word.startswith("--")} - {"--"} <= known


def test_every_input_of_the_action_is_handed_over() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    handed = set(action["runs"]["steps"][-1]["env"]) - {"COLDFORGE_PYTHON", "PYTHONUTF8"}
    assert handed == {f"COLDFORGE_{name.upper().replace('-', '_')}" for name in action["inputs"]}
    assert all("${{" not in step.get("run", "") for step in action["runs"]["steps"])


def test_a_token_is_not_shown_on_the_desk() -> None:
    shown = desk_command(["attest", "dist", "--identity-token", "geheim", "--identity-token=geheim"])
    assert "geheim" not in shown
    assert shown.startswith("coldforge attest dist")


def test_every_verb_explains_itself() -> None:
    for name in coldforge.commands:
        done = CliRunner().invoke(coldforge, [name, "--help"])
        assert done.exit_code == 0
        assert len(done.output.splitlines()) > 5
