"""A release is built again from its manifest alone: identical, or the first difference is named; nothing is taken on trust."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sigstore.models import Bundle
from sigstore.verify import Verifier
from sigstore.verify.policy import UnsafeNoOp

from coldforge.attest.stage import attest
from coldforge.host.files import sha256
from coldforge.records import MANIFEST
from coldforge.showing import schema
from coldforge.verify.evidence import load_roots
from support import images
from support.containers import ar
from support.fake_github import FakeGitHub
from support.fake_sigstore import FakeSigstore, github_claims, mail_claims
from support.program import Outcome, coldforge
from support.repository import MODULE, TINY, write

pytestmark = pytest.mark.integration

ARCHIVE = "tiny-0.1.0-linux-x86_64.tar.gz"
DEB = "tiny_0.1.0_amd64.deb"
ONE = "tiny-0.1.0-linux-x86_64"
BILL = "tiny-0.1.0-linux-x86_64.cdx.json"
TREE = "linux-x86_64/payload"
HOOK = """\
from datetime import datetime
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface):
    def initialize(self, version, build_data):
        Path(self.root, "src/tiny/built.py").write_text(f"WHEN = {datetime.now().isoformat()!r}\\n")
        Path(self.root, "src/tiny/__init__.py").open("a").write("from tiny import built\\n")
"""
GREET = {
    "coldforge.toml": """\
freezer = "command"

[project]
name = "greet"
version = "0.4.0"

[command]
run = ["gcc -O1 -o {out}/greet greet.c"]
""",
    "greet.c": """\
#include <stdio.h>
int __attribute__((noinline)) twice(int x) { return x + x; }
int main(int count, char **words) { return printf("%d times from %s\\n", twice(count), words[0]) < 0; }
""",
    "matrix.yml": "targets:\n  linux-x86_64: {container: own, formats: [tar.gz]}\n",
    "containers/own.Dockerfile": "ARG BASE\nFROM ${BASE}\nRUN gcc --version\n",
}
Edit = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def project(build_image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose second commit has another line of source."""
    folder = write(tmp_path_factory.mktemp("source") / "tiny", container=build_image)
    module = folder / "src" / "tiny" / "__init__.py"
    module.write_text(MODULE.replace("tiny runs", "tiny walks"))
    git(folder, "commit", "-q", "-a", "-m", "another line")
    git(folder, "checkout", "-q", "HEAD~1")
    return folder


@pytest.fixture(scope="module")
def released(project: Path, container_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release of the first commit, flat as somebody downloaded it: nobody changes it."""
    folder = tmp_path_factory.mktemp("released")
    coldforge("build", project, "--out", folder / "dist", env=container_env).succeeded()
    flat = folder / "downloads"
    flat.mkdir()
    for path in (folder / "dist" / MANIFEST, *(folder / "dist" / "linux-x86_64" / name for name in (ARCHIVE, DEB, ONE, BILL))):
        shutil.copy(path, flat)
    return flat


def git(folder: Path, *words: str) -> str:
    person = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in {"NAME": "S", "EMAIL": "s@e.org"}.items()}
    env = {**os.environ, **person, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return subprocess.run(["git", "-C", folder, *words], check=True, env=env, capture_output=True, text=True).stdout.strip()


def rebuild(folder: Path, env: Mapping[str, str], *words: str | Path) -> Outcome:
    return coldforge("rebuild", folder, "--unverified", *words, env=env)


def rows(outcome: Outcome) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(outcome.out)["rows"]}


def told(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Where, and what both values are."""
    difference = row["difference"]
    return " > ".join(difference["where"]), difference.get("released", ""), difference.get("rebuilt", "")


def copied(released: Path, folder: Path, edit: Edit | None = None) -> Path:
    """The release with its manifest in another way."""
    shutil.copytree(released, folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    if edit:
        edit(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder


def test_from_the_manifest_alone_the_same_bytes_come_out_and_are_attested(
    released: Path, project: Path, container_env: dict[str, str], tmp_path: Path
) -> None:
    """Nothing but the manifest is there; source, folder, cache and container are fresh."""
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(released / MANIFEST, alone)
    git(tmp_path, "clone", "-q", "--bare", f"file://{project}", "elsewhere.git")
    statement, kept = tmp_path / "rebuild.sigstore.json", tmp_path / "kept"
    with FakeSigstore() as sigstore:
        (tmp_path / "trust.json").write_text(sigstore.trust_config())
        signing = ("--attest", statement, "--identity-token", sigstore.token(), "--trust-config", tmp_path / "trust.json")
        env = {**container_env, "HOME": str(tmp_path), "TZ": "Pacific/Chatham", "PYTHONHASHSEED": "7"}
        words = ("--json", "--source", tmp_path / "elsewhere.git", "--keep", kept, *signing)
        outcome = rebuild(alone, env, *words).succeeded()
    assert {name: row["word"] for name, row in rows(outcome).items()} == dict.fromkeys((TREE, ARCHIVE, DEB, ONE, BILL), "identical")
    document = json.loads(outcome.out)
    assert (document["word"], "inputs" in document) == ("identical", False)
    jsonschema.validate(document, schema("rebuild"))
    for name in (ARCHIVE, DEB, ONE, BILL):
        assert sha256(kept / "linux-x86_64" / name) == sha256(released / name)
    kind, payload = Verifier(trusted_root=load_roots(tmp_path / "trust.json")[0].root).verify_dsse(
        Bundle.from_json(statement.read_text()), UnsafeNoOp()
    )
    made = json.loads(payload)
    assert kind == "application/vnd.in-toto+json"
    assert {s["name"]: s["digest"]["sha256"] for s in made["subject"]} == {
        name: sha256(released / name) for name in (ARCHIVE, DEB, ONE, BILL)
    }
    assert made["predicate"]["commit"] == git(project, "rev-parse", "HEAD")


@dataclass(frozen=True, kw_only=True)
class Published:
    """A release that somebody published: their `dist/`, the services, and how they are reached."""

    dist: Path
    sigstore: FakeSigstore
    github: FakeGitHub
    trust: Path
    reached: Mapping[str, str]


@pytest.fixture
def published(released: Path, project: Path, tmp_path: Path) -> Iterator[Published]:
    """The same release as its publisher attested it, and uploaded it to GitHub; the repository is reached as if it lay there."""
    dist = tmp_path / "dist"
    shutil.copytree(released.parent / "dist", dist)
    git(tmp_path, "clone", "-q", "--bare", f"file://{project}", "hub/acme/demo.git")
    commit = json.loads((dist / MANIFEST).read_text())["source"]["commit"]
    with FakeSigstore(github_claims(sha=commit)) as sigstore, FakeGitHub() as github:
        github.judged = False  # only assets are read
        trust = tmp_path / "trust.json"
        trust.write_text(sigstore.trust_config())
        attest(dist, identity_token=sigstore.token(), trust_config=trust)
        release = github.add_release("v1.0.0", draft=False)
        for path in [*dist.glob("*.json*"), *dist.glob("SHA256SUMS"), *dist.glob("linux-x86_64/tiny*")]:
            if path.name not in ("plan.json", ".lock"):
                github.add_asset(release, path.name, path.read_bytes())
        hub = {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{tmp_path}/hub/.insteadOf",
            "GIT_CONFIG_VALUE_0": "https://github.com/",
            "GITHUB_API_URL": github.url,
        }
        yield Published(dist=dist, sigstore=sigstore, github=github, trust=trust, reached=hub)


def test_a_published_release_is_verified_rebuilt_and_confirmed_by_somebody_else(
    published: Published, container_env: dict[str, str], tmp_path: Path
) -> None:
    """From its name alone: the source is that of the repository it was signed for. Who verifies it then sees who rebuilt it."""
    bundle = tmp_path / "tiny.rebuild.sigstore.json"
    token = published.sigstore.token(mail_claims("alice@example.org"))
    signing = ("--attest", bundle, "--identity-token", token, "--trust-config", published.trust)
    env = {**container_env, **published.reached}
    roots = ("--trusted-root", published.trust)
    outcome = coldforge("rebuild", "acme/demo@v1.0.0", *roots, *signing, "--json", env=env).succeeded()
    document = json.loads(outcome.out)
    assert (document["word"], document["source"]) == ("identical", "https://github.com/acme/demo")
    assert document["used"][0]["workshop"].startswith("sha256:")
    policy = tmp_path / "policy.toml"
    roster = '[rebuilders.alice]\nidentity = "alice@example.org"\nissuer = "https://accounts.example.org"\n'
    policy.write_text(f'repository = "acme/demo"\nk = 1\n{roster}')
    words = ("verify", "acme/demo@v1.0.0", "--policy", policy, *roots, "--json")
    coldforge(*words, env=env).failed(1, "4 unrebuilt")
    confirmed = coldforge(*words, "--rebuilds", bundle, env=env).succeeded()
    assert {name for name, row in rows(confirmed).items() if row.get("rebuilt-by") == ["alice"]} == {ARCHIVE, DEB, ONE, BILL}


def test_what_is_not_what_was_signed_is_not_rebuilt(published: Published, container_env: dict[str, str]) -> None:
    env = {**container_env, **published.reached}
    roots = ("--trusted-root", published.trust)

    def refused(*words: str | Path, code: int, says: str) -> None:
        outcome = coldforge("rebuild", *words, *roots, env=env)
        outcome.failed(code, says)
        assert "fetch" not in outcome.err

    refused(published.dist, code=2, says="nobody said who must have signed it")
    refused("acme/demo@v1.0.0", "--unverified", code=2, says="--unverified is for a folder")
    refused(published.dist, "--repo", "mallory/demo", code=1, says="not what was signed")
    manifest = published.dist / MANIFEST
    manifest.write_text(manifest.read_text().replace('"commit":"', '"repository":"mallory/demo","commit":"'))
    refused(published.dist, "--repo", "acme/demo", code=1, says="not what was signed")


def test_a_file_that_was_changed_after_the_build_is_found_and_one_that_was_signed_is_not_taken_for_it(
    released: Path, project: Path, container_env: dict[str, str], tmp_path: Path
) -> None:
    """All three words in one release."""
    folder = copied(released, tmp_path / "altered")
    data = (folder / ARCHIVE).read_bytes()
    (folder / ARCHIVE).write_bytes(data[:4] + b"\1\2\3\4" + data[8:])  # RFC 1952: the time in gzip's head
    with (folder / DEB).open("ab") as package:  # as debsigs does
        package.write(ar({"_gpgorigin": b"a signature"})[8:])
    manifest = json.loads((folder / MANIFEST).read_text())
    for artifact in manifest["targets"][0]["artifacts"]:
        artifact["sha256"] = artifact["sha256"] if artifact["name"] != DEB else sha256(folder / DEB)
    (folder / MANIFEST).write_text(json.dumps(manifest))
    outcome = rebuild(folder, container_env, "--json", "--source", project)
    outcome.failed(1, f"{ARCHIVE}: time was {0x04030201}, is 0", "the file was changed after it was built")
    words = {ARCHIVE: "differs", DEB: "identical but for signatures", ONE: "identical", BILL: "identical", TREE: "identical"}
    assert {name: row["word"] for name, row in rows(outcome).items()} == words
    assert "DIFFERS: 1 of 5 parts of tiny 0.1.0" in outcome.err


def test_another_line_of_source_is_named_in_every_artifact(
    released: Path, project: Path, container_env: dict[str, str], tmp_path: Path
) -> None:
    """The manifest claims the other commit."""
    commit = git(project, "rev-parse", "main")
    folder = copied(released, tmp_path / "claimed", lambda manifest: manifest["source"].update(commit=commit))
    statement = tmp_path / "tiny.rebuild.sigstore.json"
    with FakeSigstore() as sigstore:
        (tmp_path / "trust.json").write_text(sigstore.trust_config())
        signing = ("--attest", statement, "--identity-token", sigstore.token(), "--trust-config", tmp_path / "trust.json")
        page = tmp_path / "report.html"
        outcome = rebuild(folder, container_env, "--json", "--source", project, "--report", page, *signing)
    assert "PYZ.pyz" in page.read_text()
    outcome.failed(1, "DIFFERS: 5 of 5 parts")
    signed = json.loads(base64.b64decode(json.loads(statement.read_text())["dsseEnvelope"]["payload"]))
    assert (signed["predicate"], len(signed["subject"])) == (json.loads(outcome.out), 4)
    inside, values = "PYZ.pyz > tiny > <module> > main > constant 1", ("'tiny runs'", "'tiny walks'")
    found = rows(outcome)
    assert told(found[ONE]) == (f"{ONE} > {inside}", *values)
    assert told(found[ARCHIVE]) == (f"{ARCHIVE} > tiny-0.1.0/tiny > {inside}", *values)
    assert told(found[DEB]) == (f"{DEB} > data.tar.zst > ./usr/lib/tiny/tiny > {inside}", *values)
    assert "another source" in found[DEB]["difference"]["cause"]


@pytest.fixture(scope="module")
def at_the_desk(container_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A project without a lock, and what was built of it on this machine with another configuration than its own."""
    folder = tmp_path_factory.mktemp("desk")
    texts = {name: text for name, text in TINY.items() if name != "requirements.txt"}
    project = write(folder / "tiny", {**texts, "desk/more.toml": '[pyinstaller]\nhidden-imports = ["colorsys"]\n'})
    words = ("--config", "desk/more.toml", "--host", "--format", "tar.gz")
    coldforge("build", project, "--out", folder / "dist", *words, env=container_env).succeeded()
    return project, folder / "dist"


def test_what_was_frozen_on_a_machine_is_rebuilt_there_when_asked(at_the_desk: tuple[Path, Path], container_env: dict[str, str]) -> None:
    """With the lock that was resolved then, and by the configuration that was named: both stand nowhere but in the manifest."""
    project, dist = at_the_desk
    manifest = json.loads((dist / MANIFEST).read_text())
    recorded = manifest["targets"][0]["environment"]
    assert manifest["source"]["config"] == "desk/more.toml"
    assert b"colorsys" in (dist / TREE / "tiny").read_bytes(), "it made a difference"
    outcome = rebuild(dist, container_env, "--json", "--host", "--source", project).succeeded()
    assert recorded["lock"] == "resolved"
    assert {name: row["word"] for name, row in rows(outcome).items()} == {TREE: "identical", ARCHIVE: "identical"}
    assert "there is no lock" not in outcome.err


def test_code_runs_outside_of_a_container_only_when_asked(at_the_desk: tuple[Path, Path], container_env: dict[str, str]) -> None:
    project, dist = at_the_desk
    rebuild(dist, container_env, "--source", project).failed(2, "was frozen on a machine, not in a container", "--host")


def test_a_build_that_is_not_reproducible_is_told_what_makes_it_so(container_env: dict[str, str], tmp_path: Path) -> None:
    """A build hook of the project's own writes the time of day into a module, as many do."""
    hook = "\n[tool.hatch.build.hooks.custom]\n"
    project = write(tmp_path / "tiny", {**TINY, "pyproject.toml": TINY["pyproject.toml"] + hook, "hatch_build.py": HOOK})
    coldforge("build", project, "--out", tmp_path / "dist", "--host", "--format", "tar.gz", env=container_env).succeeded()
    outcome = rebuild(tmp_path / "dist", container_env, "--json", "--host", "--source", project)
    outcome.failed(1, "DIFFERS: 2 of 2 parts")
    found = rows(outcome)
    where, before, now = told(found[ARCHIVE])
    assert where == f"{ARCHIVE} > tiny-0.1.0/tiny > PYZ.pyz > tiny.built > <module> > constant 0"
    assert before < now
    assert found[ARCHIVE]["difference"]["cause"] == "a time of the build"
    assert found[TREE]["difference"]["where"][:2] == ["linux-x86_64", "onefile/tiny"]


def test_what_a_compiler_made_is_rebuilt_and_a_changed_function_named(container_env: dict[str, str], tmp_path: Path) -> None:
    """In an image that a Dockerfile makes; the manifest of the second release claims another commit."""
    entry = f'[own]\nbase = "{images.image(images.COMPILE)}"\ndockerfile = "own.Dockerfile"\n'
    project = write(tmp_path / "greet", {**GREET, "containers/images.toml": entry})
    coldforge("build", project, "--out", tmp_path / "dist", env=container_env).succeeded()
    again = rebuild(tmp_path / "dist", container_env, "--json", "--source", project).succeeded()
    assert {name: row["word"] for name, row in rows(again).items()} == {TREE: "identical", "greet-0.4.0-linux-x86_64.tar.gz": "identical"}
    (project / "greet.c").write_text(GREET["greet.c"].replace("x + x", "3 * x + 1"))
    git(project, "commit", "-q", "-a", "-m", "another function")
    commit = git(project, "rev-parse", "HEAD")
    folder = copied(tmp_path / "dist", tmp_path / "claimed", lambda manifest: manifest["source"].update(commit=commit))
    outcome = rebuild(folder, container_env, "--json", "--source", project)
    outcome.failed(1, "DIFFERS: 2 of 2 parts")
    assert rows(outcome)[TREE]["difference"]["where"] == ["linux-x86_64", "payload/greet", ".text", "twice"]


def environment(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = manifest["targets"][0]["environment"]
    return found


def call(target: dict[str, Any], name: str) -> None:
    """Give a target another name, for its artifacts as well."""
    for record in (target, *target["artifacts"]):
        record.update(target=name)


REFUSED = [
    pytest.param(lambda m: m.update(coldforge="9.9"), 3, "uvx coldforge==9.9 rebuild", id="another coldforge"),
    pytest.param(lambda m: environment(m)["recipes"].update({"build/freeze.py": "0"}), 3, "build/freeze.py", id="other recipes"),
    pytest.param(lambda m: environment(m).update({"lock-sha256": "0" * 64}), 2, "is not in the commit", id="another lock"),
    pytest.param(lambda m: environment(m).update(image="evil:latest", workshop="0"), 2, "which image", id="no image"),
    pytest.param(lambda m: environment(m).update(python="--config-file=x"), 2, "which Python", id="no name of an interpreter"),
    pytest.param(lambda m: m["source"].update(commit="f" * 40), 3, "has no commit ffff", id="a commit that is not there"),
    pytest.param(lambda m: m["source"].update(commit="--upload-pack=x"), 2, "cannot be rebuilt", id="no commit"),
    pytest.param(lambda m: m["source"].update(path="../.."), 2, "has no folder '../..'", id="a folder that is not in it"),
    pytest.param(lambda m: m["source"].update(dirty=True), 2, "changes that are not in the commit", id="changes"),
    pytest.param(lambda m: m.update(version="0.2.0"), 2, "the commit is tiny 0.1.0", id="another version"),
    pytest.param(lambda m: m["targets"][0].update(freezer="command"), 2, "with pyinstaller", id="another freezer"),
    pytest.param(lambda m: environment(m).pop("interpreter"), 2, "which Python", id="no interpreter"),
    pytest.param(lambda m: call(m["targets"][0], "../x"), 2, "unknown target", id="no target"),
    pytest.param(lambda m: m["targets"][0].update(target="../x"), 2, "said to be of another target", id="artifacts of another target"),
]


@pytest.mark.parametrize(("edit", "code", "words"), REFUSED)
def test_what_cannot_be_rebuilt_is_refused_before_anything_runs(
    edit: Edit, code: int, words: str, released: Path, project: Path, container_env: dict[str, str], tmp_path: Path
) -> None:
    outcome = rebuild(copied(released, tmp_path / "release", edit), container_env, "--source", project)
    outcome.failed(code, words)
    assert "freeze linux" not in outcome.err


def test_without_an_identity_nothing_is_built_that_could_not_be_signed(
    released: Path, project: Path, container_env: dict[str, str], tmp_path: Path
) -> None:
    outcome = rebuild(released, container_env, "--source", project, "--attest", tmp_path / "statement")
    outcome.failed(3, "there is no identity to sign with")
    assert "fetch" not in outcome.err


def test_without_a_repository_it_is_asked_for(released: Path, container_env: dict[str, str]) -> None:
    rebuild(released, container_env).failed(2, "names no repository", "--source")


def test_a_folder_that_holds_something_is_not_used_to_keep_files(
    released: Path, project: Path, container_env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("mine")
    rebuild(released, container_env, "--source", project, "--keep", tmp_path).failed(2, "is not empty")
