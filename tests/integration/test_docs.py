"""What the documentation shows is accepted: workflows by GitHub's schema and our action, configuration by our own reader."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from coldforge import __version__
from coldforge.ci import SESSIONS
from coldforge.project.images import read_images
from coldforge.starting import scaffold
from coldforge.verify.policy import load_policy
from support.program import ROOT, coldforge
from support.repository import TINY, write

pytestmark = pytest.mark.integration

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """All blocks in a language, with the page that shows them."""
    for page in PAGES:
        for text in re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            yield page.name, text


def workflows() -> Iterator[str]:
    """Every workflow that is shown, or that `init` writes."""
    yield from (text for _, text in blocks("yaml") if "jobs:" in text)
    yield from (text for name, text in scaffold(ROOT, ref=f"v{__version__}").items() if name.startswith(".github/workflows/"))


def steps() -> Iterator[dict[str, Any]]:
    """Every step of every workflow, or of a list of steps, that is shown or written by `init`."""
    for text in (*workflows(), *(text for _, text in blocks("yaml") if "jobs:" not in text)):
        document = yaml.safe_load(text)
        if isinstance(document, list):
            yield from document
        else:
            yield from (step for job in document.get("jobs", {}).values() for step in job.get("steps", ()))


def calls() -> Iterator[dict[str, Any]]:
    """Every job that is a workflow of ours."""
    documents = [yaml.safe_load(text) for text in workflows()]
    yield from (job for document in documents for job in document["jobs"].values() if "uses" in job)


def test_workflows_are_githubs(tmp_path: Path) -> None:
    shown = [*workflows()]
    assert shown
    paths = [tmp_path / f"{number}.yml" for number in range(len(shown))]
    for path, text in zip(paths, shown, strict=True):
        path.write_text(text, encoding="utf-8")
    argv = [str(Path(sys.executable).parent / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *map(str, paths)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_calls_of_the_workflow_use_its_own_inputs_and_give_what_its_jobs_ask_for() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    inputs, asked = workflow[True]["workflow_call"]["inputs"], [job["permissions"] for job in workflow["jobs"].values()]
    found = list(calls())
    assert found
    for call in found:
        assert call["uses"].startswith("coldforge/coldforge/.github/workflows/release.yml@v")
        assert call.get("with", {}).keys() <= inputs.keys()
        given = {"contents": "read", **call["permissions"]}
        assert all(given.get(right) in (level, "write") for rights in asked for right, level in rights.items())


def test_every_run_for_a_tag_waits_for_the_others_of_that_tag_and_of_no_other() -> None:
    """Of a group only the newest run waits, others are cancelled; and `github.ref` is `refs/tags/v1` where the input `tag` is `v1`."""
    documents = [yaml.safe_load(text) for text in (*workflows(), (ROOT / ".github/workflows/release.yml").read_text())]
    holders = [holder for document in documents for holder in (document, *document["jobs"].values())]
    groups = [holder["concurrency"]["group"] for holder in holders if "concurrency" in holder]
    assert len(groups) >= 2
    assert all("github.ref_name }}" in group for group in groups)


def test_nothing_is_published_before_what_github_has_is_verified() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]
    ours = {name: [step["with"] for step in jobs[name]["steps"] if step["uses"] == "$/"] for name in ("release", "verify", "publish")}
    assert [(name, given["session"], given.get("publish")) for name, each in ours.items() for given in each] == [
        ("release", "release", None),
        ("verify", "verify", None),
        ("publish", "release", True),
    ]
    assert ours["verify"][0]["release"] is True
    assert jobs["verify"]["needs"] == "release"
    assert "verify" in jobs["publish"]["needs"]
    assert jobs["publish"]["if"] == "inputs.publish"  # and only when the jobs before it did well
    assert not any("continue-on-error" in each for name in ours for each in (jobs[name], *jobs[name]["steps"]))


def test_optional_targets_are_attested_only_where_the_job_that_tries_them_did_well() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]
    (attests,) = (step["with"] for step in jobs["attest"]["steps"] if step["uses"] == "$/")
    assert attests["tried"] is True
    assert {"bundle", "smoke"} <= set(jobs["attest"]["needs"])
    assert jobs["smoke"]["strategy"]["matrix"] == jobs["freeze"]["strategy"]["matrix"], "each target that is frozen is tried"


def test_each_job_that_reads_the_project_reads_the_same_of_it() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]
    given = [step["with"] for job in jobs.values() for step in job["steps"] if step.get("uses") == "$/"]
    readers = [each for each in given if "project" in each]
    assert {each["session"] for each in readers} == {"plan", "freeze", "bundle", "smoke"}
    assert all((each["project"], each["config"]) == ("${{ inputs.project }}", "${{ inputs.config }}") for each in readers)


def test_secrets_have_names_that_secrets_of_an_environment_can_have() -> None:
    """GitHub takes letters, digits and `_` there; a job with an `environment` then needs no word of the caller for them."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    names = workflow[True]["workflow_call"]["secrets"].keys()
    assert names
    assert all(re.fullmatch(r"(?!GITHUB_)[A-Z][A-Z0-9_]*", name) for name in names)
    used = set(re.findall(r"secrets\.([\w-]+)", json.dumps(workflow["jobs"])))
    assert used == set(names)
    page = (ROOT / "docs/how-to/github.md").read_text(encoding="utf-8")
    assert set(re.findall(r"secrets: \{ ([\w-]+):", page)) <= names


def test_two_products_of_one_repository_do_not_meet_in_one_run() -> None:
    """A product's name has no `@`: no pattern of one product is that of an artifact of another, whatever they are called."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    assert "inputs.project" in workflow["concurrency"]["group"]
    steps = [step for job in workflow["jobs"].values() for step in job["steps"] if "artifact@" in step.get("uses", "")]
    names = [step["with"].get("name") or step["with"]["pattern"] for step in steps]
    assert len(names) >= 8
    assert all(name.endswith("@${{ needs.plan.outputs.product }}") for name in names)


def test_steps_use_the_actions_own_inputs_and_pin_everybody_elses() -> None:
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    ours = [step for step in steps() if step["uses"].startswith("coldforge/coldforge@")]
    assert {step["with"]["session"] for step in ours} == {"plan", "build", "bundle", "sign", "attest", "release", "verify"} <= set(SESSIONS)
    assert all(step["with"].keys() <= inputs.keys() for step in ours)
    assert all(re.search(r"@(v\d|[0-9a-f]{40}$)", step["uses"]) for step in steps())
    assert all(re.search(r"@[0-9a-f]{40}$", step["uses"]) for step in steps() if step not in ours)


@pytest.mark.parametrize(("page", "text"), [(page, text) for page, text in blocks("toml") if "tool.coldforge" in text])
def test_configuration_is_read(page: str, text: str, tmp_path: Path, host_env: dict[str, str]) -> None:
    packaging = ["packaging/demo.service", "packaging/demo.conf", "packaging/data/a.txt"]
    files = dict.fromkeys(
        [
            *packaging,
            "notes/first.txt",
            "packaging/settings.py",
            "packaging/app.spec",
            "build-requirements.txt",
            "assets/dmg.png",
            "assets/pkg.png",
            "EULA.rtf",
        ],
        "",
    )
    icons = dict.fromkeys(["assets/logo.svg", "assets/file.svg", "assets/demo.svg"], "<svg/>")
    files |= dict.fromkeys(["packaging/after-install.sh", "packaging/register"], "#!/bin/sh\n")
    project = write(tmp_path / "tiny", {**TINY, **files, **icons, "pyproject.toml": f"{TINY['pyproject.toml']}\n{text}"})
    planned = json.loads(coldforge("plan", "--json", project, env=host_env).succeeded().out)
    assert planned["product"]["name"] == "tiny", page


IDENTIFIED = '\n[tool.coldforge]\nidentifier = "org.example.tiny"\n'
# Some formats are for applications with windows, which their systems know by an identifier.
APPLICATION = {**TINY, "pyproject.toml": TINY["pyproject.toml"].replace("[project.scripts]", "[project.gui-scripts]") + IDENTIFIED}


def test_matrices_are_planned(tmp_path: Path, host_env: dict[str, str]) -> None:
    shown = [text for _, text in blocks("yaml") if "targets:" in text]
    assert shown
    for number, text in enumerate(shown):
        project = write(tmp_path / str(number), {**APPLICATION, "matrix.yml": text})
        planned = json.loads(coldforge("plan", "--json", project, env=host_env).succeeded().out)
        assert {target["target"] for target in planned["targets"]} == yaml.safe_load(text)["targets"].keys()


def test_policies_are_read(tmp_path: Path) -> None:
    shown = [text for _, text in blocks("toml") if "repository =" in text]
    for number, text in enumerate(shown):
        path = tmp_path / f"{number}.toml"
        path.write_text(text, encoding="utf-8")
        assert load_policy(path).repository == "owner/app"
    assert shown


def test_images_are_read(tmp_path: Path) -> None:
    shown = [text.replace("sha256:…", f"sha256:{'0' * 64}") for _, text in blocks("toml") if "base =" in text]
    assert shown
    (tmp_path / "linux.Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n", encoding="utf-8")
    for text in shown:
        (tmp_path / "images.toml").write_text(text, encoding="utf-8")
        assert read_images(tmp_path / "images.toml").keys() == {"linux"}


def test_every_command_that_is_shown_exists() -> None:
    """Each `coldforge VERB --option` of the pages is one that `--help` knows; the reference holds their helps."""
    helps = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    verbs = dict(re.findall(r"^## `coldforge (\w+(?: \w+)?)`\n(.*?)(?=^## |\Z)", helps, re.MULTILINE | re.DOTALL))
    shown = [
        line for language in ("console", "text") for page, block in blocks(language) if page != "commands.md" for line in block.splitlines()
    ]
    used = [match for line in shown if (match := re.search(r"(?:^|[/ ])coldforge ([a-z]+)((?: [^#]*)?)", line)) and match[1] in verbs]
    assert len(used) > 10
    for verb, rest in (match.groups() for match in used):
        options = re.findall(r"(?<= )(--[a-z-]+)", rest)
        assert [option for option in options if option not in verbs[verb]] == [], (verb, options)
