"""The action's inputs become the words that a person would type."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from coldforge.ci import SESSIONS, command_lines
from coldforge.cli import desk_command
from coldforge.commands import coldforge
from coldforge.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]


def command_line(given: dict[str, str]) -> list[str]:
    """The one line of a session that neither takes nor hands on anything."""
    (line,) = command_lines(given)
    return line


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


def test_what_github_has_of_a_release_is_verified_by_its_name() -> None:
    given = {**JOB, "COLDFORGE_RELEASE": "true", "COLDFORGE_TRUST_CONFIG": "t.json"}
    assert command_line(given) == ["verify", "--trusted-root", "t.json", "--", "acme/demo@v1"]
    for missing in ("GITHUB_REF_NAME", "GITHUB_REPOSITORY"):
        with pytest.raises(ConfigurationError, match="no release to verify is named"):
            command_line({**given, missing: ""})


@pytest.mark.parametrize("session", SESSIONS)
def test_an_input_that_looks_like_an_option_is_a_folder(session: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = command_line({"COLDFORGE_SESSION": session, "COLDFORGE_PROJECT": "--help", "COLDFORGE_OUT": "--help"})
    assert words[-2:] == ["--", "--help"]
    done = CliRunner().invoke(coldforge, words)
    assert done.exit_code != 0
    assert "Usage" not in done.output


@pytest.mark.parametrize(
    "given", [{"COLDFORGE_SESSION": "deploy"}, {"COLDFORGE_HOST": "yes"}, {"COLDFORGE_DIGESTS": "abc"}, {"COLDFORGE_DIGESTS": "[1]"}]
)
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
        "COLDFORGE_RELEASE": "true",
        "COLDFORGE_REPLACE": "true",
        "COLDFORGE_TRIED": "true",
        "COLDFORGE_CONFIG": "other.toml",
        "COLDFORGE_INPUTS": "{}",
        "COLDFORGE_REPO": "acme/demo",
        "COLDFORGE_TAG": "v1",
        "COLDFORGE_TRUST_CONFIG": "t.json",
        "COLDFORGE_SIGN_PAYLOAD": "true",
        "COLDFORGE_NOTARIZE_PAYLOAD": "true",
        "COLDFORGE_NOTES_FROM": "commits",
        "COLDFORGE_NOTES_MODE": "append",
        "COLDFORGE_PARTS": "parts",
        "COLDFORGE_DIGESTS": '{"linux-x86_64": "12"}',
    }
    lines = command_lines(everything)
    assert session in [line[0] for line in lines]
    for verb, *words in lines:
        parameters = coldforge.commands[verb].params
        known = {option for parameter in parameters for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in words if word.startswith("--")} - {"--"} <= known


def test_a_freeze_hands_its_tree_to_the_job_that_packages_it() -> None:
    freezing = {"COLDFORGE_SESSION": "freeze", "COLDFORGE_TARGET": "linux-x86_64", "COLDFORGE_PARTS": "parts"}
    assert [" ".join(line) for line in command_lines(freezing)] == [
        "freeze --target linux-x86_64 --out dist -- .",
        "pack --target linux-x86_64 --to parts/linux-x86_64.tar -- dist",
    ]


def test_only_what_was_frozen_is_packaged_and_passed_on_without_the_trees() -> None:
    handed = json.dumps({"linux-x86_64": "12", "macos-aarch64": "", "windows-x86_64": "34"}, indent=2)
    lines = command_lines({"COLDFORGE_SESSION": "bundle", "COLDFORGE_PARTS": "parts", "COLDFORGE_DIGESTS": handed})
    assert [" ".join(line) for line in lines] == [
        "unpack --sha256 12 --out dist --target linux-x86_64 -- parts/linux-x86_64.tar",
        "unpack --sha256 34 --out dist --target windows-x86_64 -- parts/windows-x86_64.tar",
        "bundle --frozen --out dist -- .",
        "pack --to parts/bundle.tar --no-trees -- dist",
    ]


def test_nothing_of_a_project_runs_where_packages_are_made_also_when_no_target_was_frozen() -> None:
    """All may be optional; without `--frozen` a build backend would tell the version, beside the keys."""
    given = {"COLDFORGE_SESSION": "bundle", "COLDFORGE_DIGESTS": '{"linux-x86_64": ""}', "COLDFORGE_SIGN_PAYLOAD": "true"}
    bundles = [line for line in command_lines(given) if line[0] == "bundle"]
    assert [line[-5:] for line in bundles] == [["--frozen", "--out", "dist", "--", "."]] * 3


def test_programs_are_signed_between_the_freeze_and_the_packages() -> None:
    given = {"COLDFORGE_SESSION": "bundle", "COLDFORGE_DIGESTS": '{"windows-x86_64": "34"}', "COLDFORGE_SIGN_PAYLOAD": "true"}
    rounds = [["bundle", "--carried"], ["sign", "--payload"]] * 2
    assert [line[:2] for line in command_lines(given)] == [["unpack", "--sha256"], *rounds, ["bundle", "--frozen"]]


def test_apple_sees_applications_between_their_signature_and_the_packages() -> None:
    given = {"COLDFORGE_SESSION": "bundle", "COLDFORGE_SIGN_PAYLOAD": "true", "COLDFORGE_NOTARIZE_PAYLOAD": "true", "COLDFORGE_PARTS": "p"}
    lines = [" ".join(line) for line in command_lines(given)]
    assert lines[3:6] == [
        "sign --payload --forgiving --project . -- dist",
        "notarize --payload --forgiving --project . -- dist",
        "bundle --out dist -- .",
    ]


def test_of_a_job_that_ran_the_product_nothing_is_taken_but_what_it_proved() -> None:
    handed = '{"bundle": "12"}\n{"smoke-linux-x86_64": "34"}'
    lines = command_lines({"COLDFORGE_SESSION": "attest", "COLDFORGE_PARTS": "parts", "COLDFORGE_DIGESTS": handed})
    assert [" ".join(line) for line in lines] == [
        "unpack --sha256 12 --out dist -- parts/bundle.tar",
        "unpack --sha256 34 --out dist --target linux-x86_64 --only-smoke -- parts/smoke-linux-x86_64.tar",
        "attest -- dist",
        "pack --to parts/attest.tar --no-trees -- dist",
    ]


def test_another_configuration_is_that_of_every_stage_that_reads_the_project() -> None:
    given = {"COLDFORGE_CONFIG": "nightly.toml", "COLDFORGE_SIGN_PAYLOAD": "true", "COLDFORGE_OUT": "out"}
    for session in ("plan", "build", "freeze", "bundle", "smoke"):
        lines = [line for line in command_lines({**given, "COLDFORGE_SESSION": session}) if line[0] != "sign"]
        assert lines
        assert all(line[line.index("--config") + 1] == "nightly.toml" for line in lines)


def test_where_jobs_hand_on_parts_an_optional_target_may_fail() -> None:
    """On a desk, and in a job that does it all, it may not: nothing there asks which targets the release is without."""
    for session in ("sign", "notarize"):
        assert command_line({"COLDFORGE_SESSION": session}) == [session, "--", "dist"]
        line, _pack = command_lines({"COLDFORGE_SESSION": session, "COLDFORGE_PARTS": "parts"})
        assert line == [session, "--forgiving", "--", "dist"]
    given = {
        "COLDFORGE_SESSION": "bundle",
        "COLDFORGE_SIGN_PAYLOAD": "true",
        "COLDFORGE_PARTS": "parts",
        "COLDFORGE_DIGESTS": '{"windows-x86_64": "34"}',
    }
    assert [line[:3] for line in command_lines(given) if line[0] == "sign"] == [["sign", "--payload", "--forgiving"]] * 2
    assert command_line({"COLDFORGE_SESSION": "attest", "COLDFORGE_TRIED": "true"}) == ["attest", "--tried", "--", "dist"]


def test_every_input_of_the_action_is_handed_over() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    (env,) = (step["env"] for step in action["runs"]["steps"] if "env" in step)
    handed = set(env) - {"COLDFORGE_PYTHON", "PYTHONUTF8"}
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
