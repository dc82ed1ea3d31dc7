"""The reusable workflow as a user's repository calls it, all of its jobs, executed by a real runner (act, on this host, offline).

With one target as it is; with several its matrix is written out before, because act 0.2.89 does not join what legs tell.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import pytest
import yaml

from coldforge import pipeline
from coldforge.host import files
from coldforge.records import Manifest, decode
from support import images, packaged
from support.act import ROOT, act, committed, given, shared_home
from support.fake_github import WRITER, FakeGitHub, Fault
from support.fake_sigstore import FakeSigstore, github_claims
from support.program import coldforge, environment
from support.repository import TINY, write
from support.require import tool
from support.unrolled import alone, unroll

pytestmark = pytest.mark.integration
CALLER = """\
on: push
jobs:
  release:
    uses: coldforge/coldforge/.github/workflows/release.yml@v1
    permissions: { contents: write, id-token: write, attestations: write }
    with: { trust-config: trust.json }
"""
SIGNING = (
    CALLER.replace("json }", "json, config: packaging/release.toml, sign: true, publish: true }")
    + """\
    secrets:
      RSA_KEY: ${{ secrets.RSA_KEY }}
"""
)
MATRIX = """\
targets:
  linux-x86_64: { runner: ubuntu-24.04, container: linux, formats: [tar.gz, deb, apk, sbom] }
"""
THREE = """\
targets:
  linux-x86_64: { runner: ubuntu-24.04, container: linux, formats: [tar.gz] }
  windows-x86_64: { runner: windows-2025, formats: [zip] }
  macos-aarch64: { runner: macos-15, formats: [tar.gz], optional: true }
"""
TWO = """\
targets:
  linux-x86_64: { runner: ubuntu-24.04, container: linux, formats: [tar.gz] }
  windows-x86_64: { runner: windows-2025, formats: [zip], optional: true }
"""
HOMESICK = """\
import sys


def main() -> None:
    if sys.platform == "win32" and "payload" not in sys.executable:
        sys.exit("this works only where it was frozen")
"""
IMAGES = """\
[linux]
base = "{freeze}"
glibc = "2.36"
architectures = ["x86_64"]

[debian-12]
use = "smoke"
base = "{bare}"
glibc = "2.36"
architectures = ["x86_64"]
"""


@pytest.fixture
def env(host_env: dict[str, str]) -> dict[str, str]:
    """One private environment of the program for all these tests."""
    return environment(**{key: host_env[key] for key in ("COLDFORGE_CACHE", "UV_CACHE_DIR")})


def repository(
    folder: Path, sigstore: FakeSigstore, matrix: str = MATRIX, *, more_images: str = "", caller: str = SIGNING, **more: str
) -> Path:
    """A project whose images are those of this machine, and which calls our workflow; `more` of its files, by name."""
    own = IMAGES.format(freeze=images.image(images.FREEZE), bare=images.image(images.BARE)) + more_images
    other = {"packaging/release.toml": 'display-name = "Tiny, as it is released"\n'}
    made = write(
        folder, {**TINY, **other, **more, "matrix.yml": matrix, "containers/images.toml": own, "trust.json": sigstore.trust_config()}
    )
    signer = "coldforge/coldforge/.github/workflows/release.yml@refs/tags/v1"
    sigstore.claims = github_claims(ref="refs/tags/v0.1.0", sha=committed(made, caller), signer=signer)
    return made


def test_every_job_of_the_workflow(tmp_path: Path, env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    with FakeSigstore() as sigstore, FakeGitHub() as github:
        source = repository(tmp_path / "user's repo", sigstore)
        artifacts = tmp_path / "artifacts"
        variables = given(
            ACT_ARTIFACTS=str(artifacts), GITHUB_API_URL=github.url, COLDFORGE_HOME=shared_home(tmp_path_factory),
            GITHUB_REPOSITORY="acme/demo", **sigstore.job_environment(),
        )  # fmt: skip
        key = packaged.rsa(tmp_path).read_text()
        done = act(source, tmp_path, {**env, "RSA_KEY": key}, *variables, "-s", "RSA_KEY")  # whose value act takes from its environment
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
        contents = github.contents("v0.1.0")
        (made,) = github.releases.values()
    assert len(github.recorded) == len(contents["attestations.jsonl"].splitlines())
    manifest = decode(contents["manifest.json"], Manifest, "manifest.json")
    (record,) = manifest.targets
    assert record.target == "linux-x86_64"
    assert manifest.source.config == "packaging/release.toml"
    assert {artifact.format for artifact in record.artifacts} == {"tar.gz", "deb", "apk", "sbom"}
    bundle = json.loads(contents["tiny_0.1.0_amd64.deb.sigstore.json"])
    said = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))["predicate"]["buildDefinition"]["externalParameters"]["inputs"]
    document = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    assert said.keys() == document[True]["workflow_call"]["inputs"].keys() | {"target", "format", "host"}
    assert (said["sign"], said["trust-config"], said["notes-from"], said["format"]) == (True, "trust.json", "changelog", ["deb"])
    (trial,) = record.smoke.trials
    assert trial.system.startswith("Debian")
    assert {artifact.name for artifact in record.artifacts} <= contents.keys()
    (signed,) = (artifact for artifact in record.artifacts if artifact.format == "apk")
    assert signed.signature
    assert not made.draft
    changes, downloads = (
        [number for number, line in enumerate(github.log) if line.startswith(f"{method} ") and path in line]
        for method, path in (("PATCH", "/releases/"), ("GET", "/releases/assets/"))
    )
    assert len(downloads) == 2 * len(contents), "what GitHub has was verified by its own job, and compared by the one that publishes"
    assert max(downloads) < max(changes), "and only then published"
    assert "### Gates" in done.stdout
    (report,) = artifacts.glob("report-bundle*/report.html")
    assert "tiny_0.1.0_amd64.deb" in report.read_text()
    assert "Release: v0.1.0 in acme/demo." in done.stdout, "GitHub was asked before anything was built"
    assert "coldforge verify OWNER/REPO@v0.1.0" in done.stdout  # here the repository has no remote
    assert WRITER not in done.stdout
    assert key.splitlines()[1] not in done.stdout


def test_nothing_is_built_that_github_would_not_take(tmp_path: Path, env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    with FakeSigstore() as sigstore, FakeGitHub() as github:
        source = repository(tmp_path / "repo", sigstore, caller=CALLER)
        github.archived = True
        place = given(GITHUB_API_URL=github.url, COLDFORGE_HOME=shared_home(tmp_path_factory), GITHUB_REPOSITORY="acme/demo")
        done = act(source, tmp_path, env, *place)
    assert done.returncode != 0
    assert "acme/demo is archived: nothing can be released there" in done.stdout
    assert "freeze" not in done.stdout
    assert github.count("GET") == len(github.log) > 0


def test_targets_of_three_systems_and_one_failed_job_run_again(
    tmp_path: Path, env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Linux in a container and Windows by Wine are frozen; macOS cannot be here, and is optional: its jobs run their graph, and fail.

    GitHub refuses the first upload for good. The job that releases is run again alone, with the parts and digests of the first run.
    """
    with FakeSigstore() as sigstore, FakeGitHub() as github:
        wine = images.wine_entry()
        source = repository(tmp_path / "repo", sigstore, THREE, more_images=wine, caller=CALLER)
        legs = json.loads(coldforge("plan", source, "--matrix", env=env).succeeded().out)["include"]
        artifacts = tmp_path / "artifacts"
        variables = given(
            ACT_ARTIFACTS=str(artifacts), GITHUB_API_URL=github.url, COLDFORGE_HOME=shared_home(tmp_path_factory),
            GITHUB_REPOSITORY="acme/demo", **sigstore.job_environment(),
        )  # fmt: skip
        github.faults = [Fault("403", path="/uploads", times=1000)]
        first = act(source, tmp_path, env, *variables, change=lambda path: unroll(path, legs))
        assert first.returncode != 0
        assert github.uploads == []
        assert "the token may not do this" in first.stdout
        before = {path: path.stat().st_mtime_ns for path in artifacts.rglob("*") if path.is_file()}

        github.faults = []
        told = {"attest": {"attest": files.sha256(artifacts / "coldforge-attest@tiny" / "attest.tar")}, "plan": {"product": "tiny"}}
        again = act(source, tmp_path, env, *variables, change=lambda path: alone(path, "release", told))
        assert again.returncode == 0, again.stdout[-8000:] + again.stderr[-2000:]
        contents = github.contents("v0.1.0")
        (made,) = github.releases.values()
    assert {path: path.stat().st_mtime_ns for path in artifacts.rglob("*") if path.is_file()} == before, "nothing else was made again"
    manifest = decode(contents["manifest.json"], Manifest, "manifest.json")
    assert {record.target for record in manifest.targets} == {"linux-x86_64", "windows-x86_64"}
    assert {"tiny-0.1.0-linux-x86_64.tar.gz", "tiny-0.1.0-windows-x86_64.zip"} <= contents.keys()
    assert "Not in this release: macos-aarch64" in made.body
    assert "of optional targets this lacks: macos-aarch64" in again.stdout


def test_an_optional_target_that_does_not_work_where_it_is_installed_is_not_released(
    tmp_path: Path, env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It is frozen, packaged and handed on as every other; then Wine starts what is in the package."""
    tried = {"pyproject.toml": TINY["pyproject.toml"] + '\n[tool.coldforge.smoke]\nrun = ["tiny"]\n', "src/tiny/__init__.py": HOMESICK}
    with FakeSigstore() as sigstore, FakeGitHub() as github:
        source = repository(tmp_path / "repo", sigstore, TWO, more_images=images.wine_entry(), caller=CALLER, **tried)
        legs = json.loads(coldforge("plan", source, "--matrix", env=env).succeeded().out)["include"]
        variables = given(
            ACT_ARTIFACTS=str(tmp_path / "artifacts"), GITHUB_API_URL=github.url, COLDFORGE_HOME=shared_home(tmp_path_factory),
            GITHUB_REPOSITORY="acme/demo", **sigstore.job_environment(),
        )  # fmt: skip
        done = act(source, tmp_path, env, *variables, change=lambda path: unroll(path, legs))
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
        contents = github.contents("v0.1.0")
        (made,) = github.releases.values()
    assert "this works only where it was frozen" in done.stdout
    assert "Summary - ### Left out, because it failed: windows-x86_64" in done.stdout
    assert [record.target for record in decode(contents["manifest.json"], Manifest, "manifest.json").targets] == ["linux-x86_64"]
    assert not any("windows" in name for name in contents)
    assert "Not in this release: windows-x86_64" in made.body


def test_what_is_tried_on_hosted_macs_is_what_is_planned(tmp_path: Path) -> None:
    """The call fits the workflow, and files are named as the plan names them."""
    called = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())[True]["workflow_call"]
    document = yaml.safe_load((ROOT / ".github/workflows/macos.yml").read_text())
    make, mac = document["jobs"]["release"], document["jobs"]["mac"]
    assert make["with"].keys() <= called["inputs"].keys()
    assert make["secrets"].keys() <= called["secrets"].keys()
    assert make["with"]["release"] is False
    plan = pipeline.make(ROOT / make["with"]["project"]).plan
    artifacts = {target.target: [artifact.name for artifact in target.artifacts] for target in plan.targets}
    (download,) = [step["with"]["name"] for step in mac["steps"] if "download-artifact" in step.get("uses", "")]
    assert download == f"coldforge-bundle@{plan.product.name}"
    for leg in mac["strategy"]["matrix"]["include"]:
        steps = [step for step in mac["steps"] if step.get("if", "").removeprefix("matrix.target == ").strip("'") in ("", leg["target"])]
        text = "\n".join(step["run"] for step in steps if "run" in step)
        wanted = set(re.findall(r'"\$DIST"/(\S+?)[\s);"]', text))
        assert {sum(fnmatch(name, pattern) for name in artifacts[leg["target"]]) for pattern in wanted} == {1}, wanted
    runners = {target.target: target.runner for target in plan.targets}
    assert (runners["macos-aarch64"], runners["macos-x86_64"]) == ("macos-15", "macos-15-intel")


# What stands for the programs of a Mac: they tell what they were asked, and put the application where the real ones would.
MAC: Final = """\
#!/bin/bash
set -eu
echo "${0##*/} $*" >> "$ASKED"
case "${0##*/} $1" in
  "hdiutil attach") mkdir "$5"; cp -a "$LOOK" "$5"; ln -s "$APPLICATIONS" "$5/Applications"; test -f "$6" ;;
  "hdiutil detach") rm -r "$2" ;;
  "ditto -x") python3 -m zipfile -e "$3" "$4"; chmod +x "$4"/Look.app/Contents/MacOS/look; test "$2" = -k ;;
  ditto*) cp -a "$1" "$2" ;;
  "sudo installer") "$@" ;;
  installer*) test -f "$3"; test "$4 $5" = "-target /"; mkdir "$APPLICATIONS"; cp -a "$LOOK" "$APPLICATIONS" ;;
  *) test -e "${!#}" || test "$1" = --pkg-info ;;
esac
"""


def test_the_steps_on_a_mac_do_what_they_mean(tmp_path: Path) -> None:
    """A dry run: the shell of the workflow, with stand-ins for what only a Mac has. A step that fails is one."""
    look, dist, programs = tmp_path / "Look.app", tmp_path / "dist" / "macos-aarch64", tmp_path / "bin"
    for folder in (look / "Contents/MacOS", dist, programs):
        folder.mkdir(parents=True)
    (look / "Contents/MacOS/look").write_text("#!/bin/sh\necho look 42 on a Mac\n")
    (look / "Contents/MacOS/look").chmod(0o755)
    for name in ("ditto", "hdiutil", "codesign", "pkgutil", "installer", "sudo", "xcrun", "spctl"):
        (programs / name).write_text(MAC)
        (programs / name).chmod(0o755)
    for form in ("dmg", "pkg"):
        (dist / f"look-1.0.0-macos-aarch64.{form}").touch()
    shutil.make_archive(str(dist / "look-1.0.0-macos-aarch64.app"), "gztar", tmp_path, "Look.app")
    shutil.make_archive(str(dist / "look-1.0.0-macos-aarch64.app"), "zip", tmp_path, "Look.app")
    shutil.make_archive(str(tmp_path / "bundle"), "tar", tmp_path, "dist")
    applications = tmp_path / "Applications"
    places = {"DIST": dist, "LOOK": look, "APPLICATIONS": applications, "ASKED": tmp_path / "asked", "RUNNER_TEMP": tmp_path / "temp"}
    env = {
        **os.environ,
        **{name: str(place) for name, place in places.items()},
        "PATH": f"{programs}:{os.environ['PATH']}",
        "SIGNED": "true",
    }
    (tmp_path / "temp").mkdir()
    steps = [
        step["run"] for step in yaml.safe_load((ROOT / ".github/workflows/macos.yml").read_text())["jobs"]["mac"]["steps"] if "run" in step
    ]
    for step in steps:
        text = step.replace("/Applications", str(applications)).replace(f"image{applications}", "image/Applications")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail"],
            input=text,
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [line.split()[0] for line in asked].count("codesign") == 3
    assert [line.split()[:4] for line in asked if line.startswith("xcrun")] == [
        ["xcrun", "stapler", "validate", word]
        for word in (str(tmp_path / "temp/Look.app"), *(str(dist / f"look-1.0.0-macos-aarch64.{form}") for form in ("dmg", "pkg")))
    ]
    assert [line.split()[line.split().index("--type") + 1] for line in asked if line.startswith("spctl")] == ["execute", "open", "install"]


def test_the_workflows_are_what_actionlint_expects() -> None:
    program = tool("actionlint", "go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12")
    workflows = [*sorted((ROOT / ".github/workflows").glob("*.yml")), ROOT / "build/templates/rebuilder/rebuild.yml"]
    # GitHub recommends `$/`, zizmor wants it, and no actionlint knows it yet: https://github.com/rhysd/actionlint/issues/711
    unknown_yet = r'specifying action "\$/" in invalid format|reusable workflow call "\$/'
    done = subprocess.run(
        [program, "-format", "{{json .}}", "-ignore", unknown_yet, *workflows], capture_output=True, text=True, check=False
    )
    assert json.loads(done.stdout) == []
