"""Rebuilders of a roster, against a loopback sigstore: who agrees is counted once, who does not is named, the publisher never counts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import jsonschema
import msgspec
import pytest
import yaml

from coldforge import commands
from coldforge.attest.stage import attest
from coldforge.errors import ConfigurationError
from coldforge.host import files
from coldforge.records import MANIFEST, SUMS
from coldforge.showing import schema
from coldforge.starting import rebuilder
from coldforge.verify.policy import load_policy
from coldforge.verify.rebuilders import texts
from coldforge.verify.release import verify_file, verify_folder, write_policy
from coldforge.verify.verdict import Row, Verdict
from support.fake_sigstore import ISSUER, FakeSigstore, github_claims, mail_claims
from support.program import coldforge, environment
from support.rebuilder import said, sign, sign_with_key
from support.releases import make_release

pytestmark = pytest.mark.integration
DEB = "demo_1.0.0_amd64.deb"
ARCHIVE = "demo-1.0.0-linux-x86_64.tar.gz"
FILE = ".github/workflows/rebuild.yml"
BOB = github_claims("bob/again", ref="refs/heads/main", workflow=FILE)
PUBLISHER = github_claims("acme/again", ref="refs/heads/main", workflow=FILE)  # their own, in another repository


@pytest.fixture(scope="module")
def made(sigstore: FakeSigstore, trust: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release as its publisher attested it, and a folder of what rebuilders say of it: nobody changes them."""
    folder = tmp_path_factory.mktemp("made")
    dist, says = folder / "dist", folder / "says"
    make_release(dist)
    attest(dist, identity_token=sigstore.token(), trust_config=trust)
    says.mkdir()
    statement = said(dist)
    sign(statement, says / "alice.sigstore.json", sigstore, trust, mail_claims("alice@example.org"))
    sign(statement, says / "alice-again.sigstore.json", sigstore, trust, mail_claims("alice@example.org"))
    sign(statement, says / "bob.sigstore.json", sigstore, trust, BOB)
    sign(statement, says / "publisher.sigstore.json", sigstore, trust, PUBLISHER)
    sign(statement, says / "release.sigstore.json", sigstore, trust)  # by the very job that released it
    sign(statement, says / "mallory.sigstore.json", sigstore, trust, mail_claims("mallory@example.org"))
    sign(said(dist, differs=DEB), says / "carol.sigstore.json", sigstore, trust, mail_claims("carol@example.org"))
    sign(said(dist, commit="b" * 40), says / "elsewhere.sigstore.json", sigstore, trust, BOB)
    (folder / "dave.pem").write_text(sign_with_key(statement, says / "dave.sigstore.json", sigstore))
    return folder


@pytest.fixture
def policy(made: Path, tmp_path: Path) -> Path:
    def person(name: str) -> str:
        return f'[rebuilders.{name}]\nidentity = "{name}@example.org"\nissuer = "https://accounts.example.org"\n'

    def job(name: str, repository: str) -> str:
        return f'[rebuilders.{name}]\nidentity = "https://github.com/{repository}/{FILE}@refs/heads/*"\nissuer = "{ISSUER}"\n'

    path = tmp_path / "coldforge.verify.toml"
    own = f'[rebuilders.publisher]\nidentity = "https://github.com/acme/*/.github/workflows/*@refs/*/*"\nissuer = "{ISSUER}"\n'
    key = f'[rebuilders.dave]\nkey = """{(made / "dave.pem").read_text()}"""\n'
    names = [person("alice"), job("bob", "bob/again"), person("carol"), own, key]
    path.write_text('repository = "acme/demo"\nk = 2\n' + "".join(names))
    return path


def verify(folder: Path, policy: Path, trust: Path, *rebuilds: Path) -> tuple[Verdict, dict[str, Row]]:
    """The verdict, and its rows by name."""
    said = tuple(texts(map(str, rebuilds), offline=True))
    verdict = verify_folder(folder, policy=load_policy(policy), trusted_root=trust, rebuilds=said)
    return verdict, {row.name: row for row in verdict.rows}


def says(made: Path, *names: str) -> list[Path]:
    return [made / "says" / f"{name}.sigstore.json" for name in names]


def test_two_of_a_roster_agree(made: Path, policy: Path, trust: Path) -> None:
    verdict, rows = verify(made / "dist", policy, trust, *says(made, "alice", "bob"))
    assert verdict.exit_code == 0
    both = ("alice", "bob")
    assert {name: row.rebuilt_by for name, row in rows.items()} == {DEB: both, ARCHIVE: both, MANIFEST: (), SUMS: ()}


@pytest.mark.parametrize(
    ("second", "note"),
    [
        ("alice-again", ""),  # the same rebuilder twice
        ("publisher", "publisher is the publisher"),
        ("release", "publisher is the publisher"),
        ("mallory", "mallory@example.org (https://accounts.example.org) is not in the roster"),
        ("elsewhere", "rebuilt the commit bbbbbbbbbbbb"),
    ],
)
def test_one_is_not_two(second: str, note: str, made: Path, policy: Path, trust: Path) -> None:
    verdict, rows = verify(made / "dist", policy, trust, *says(made, "alice", second))
    assert (verdict.exit_code, len(verdict.notes)) == (1, int(bool(note)))
    assert note in " ".join(verdict.notes)
    assert {name: row.word for name, row in rows.items()} == {DEB: "unrebuilt", ARCHIVE: "unrebuilt", MANIFEST: "ok", SUMS: "ok"}
    assert rows[DEB].got == "alice"


def test_targets_that_nobody_can_build_again_are_spared_by_name_and_that_is_told(made: Path, policy: Path, trust: Path) -> None:
    text = policy.read_text()
    policy.write_text(f'unrebuilt = ["windows-x86_64"]\n{text}')
    assert verify(made / "dist", policy, trust, *says(made, "alice"))[1][DEB].word == "unrebuilt"
    policy.write_text(f'unrebuilt = ["linux-x86_64"]\n{text}')
    verdict, rows = verify(made / "dist", policy, trust, *says(made, "carol"))
    assert (verdict.exit_code, rows[ARCHIVE].rebuilt_by, rows[DEB].differs_for) == (0, ("carol",), ("carol",))
    assert "demands no rebuilders of what is for linux-x86_64" in verdict.line
    assert "other bytes came out for carol" in verdict.line


def test_a_dissenter_is_named(made: Path, policy: Path, trust: Path) -> None:
    verdict, rows = verify(made / "dist", policy, trust, *says(made, "alice", "carol"))
    assert verdict.line.startswith("BAD: 1 disputed")
    assert (rows[DEB].word, rows[DEB].why) == ("disputed", "other bytes came out for carol")
    assert (rows[DEB].rebuilt_by, rows[DEB].differs_for) == (("alice",), ("carol",))
    assert rows[ARCHIVE].rebuilt_by == ("alice", "carol")


def test_a_folder_of_all_that_was_said(made: Path, policy: Path, trust: Path) -> None:
    """Enough agree: the dissenter is named all the same. A key counts as well as a certificate."""
    words = ("verify", made / "dist", "--policy", policy, "--trusted-root", trust, "--rebuilds", made / "says")
    outcome = coldforge(*words, "--json", env=environment()).succeeded()
    document = json.loads(outcome.out)
    jsonschema.validate(document, schema("verdict"))
    rows = {row["name"]: row for row in document["rows"]}
    assert (rows[DEB]["rebuilt-by"], rows[DEB]["differs-for"]) == (["alice", "bob", "dave"], ["carol"])
    assert rows[ARCHIVE]["rebuilt-by"] == ["alice", "bob", "carol", "dave"]
    shown = coldforge(*words, env=environment(COLUMNS="200")).succeeded()
    assert "alice, bob, dave; differs for carol" in shown.err
    assert "mallory.sigstore.json does not count" in shown.err


def test_one_file_needs_them_as_well(made: Path, policy: Path, trust: Path) -> None:
    file, bundle = made / "dist" / "linux-x86_64" / DEB, made / "dist" / f"{DEB}.sigstore.json"
    heard = tuple(texts(map(str, says(made, "bob", "dave")), offline=True))
    for rebuilds, code in ((), 1), (heard, 0):
        found = verify_file(file, bundle=bundle, policy=load_policy(policy), trusted_root=trust, rebuilds=rebuilds)
        assert found.exit_code == code


def test_whose_a_release_is_decides_who_is_independent(made: Path, policy: Path, trust: Path) -> None:
    file = made / "dist" / "linux-x86_64" / DEB
    anybodys = msgspec.structs.replace(
        load_policy(policy), repository="", workflows=(), identity="dev@example.org", issuer="https://i.example"
    )
    with pytest.raises(ConfigurationError, match="does not say whose the release is"):
        verify_file(file, bundle=None, policy=anybodys, trusted_root=trust)


def test_what_is_installed_is_nothing_that_rebuilders_arrived_at(made: Path, policy: Path, trust: Path, tmp_path: Path) -> None:
    words = ("--policy", policy, "--trusted-root", trust, "--installed", tmp_path)
    coldforge("verify", made / "dist", *words, env=environment()).failed(
        2, "who speak of packages and not of what is installed", "Verify the release itself"
    )


def test_bundles_beside_the_release_count_and_a_policy_is_written_with_them(
    made: Path, policy: Path, sigstore: FakeSigstore, trust: Path, tmp_path: Path
) -> None:
    dist = tmp_path / "dist"
    shutil.copytree(made / "dist", dist)
    for path in says(made, "alice", "bob"):
        shutil.copy(path, dist / path.name.replace(".sigstore", ".rebuild.sigstore"))
    assert verify(dist, policy, trust)[0].exit_code == 0
    new = tmp_path / "new.toml"
    new.write_text(write_policy(dist, trusted_root=trust))
    written = load_policy(new)
    assert (written.k, sorted(written.rebuilders)) == (2, ["alice", "bob"])
    shutil.copy(says(made, "dave")[0], dist / "dave.rebuild.sigstore.json")
    assert "dave.rebuild.sigstore.json is signed with a key, which it does not hold" in write_policy(dist, trusted_root=trust)
    assert verify(dist, new, trust)[0].exit_code == 0


def test_what_is_no_statement_of_a_rebuilder_does_not_belong_to_a_release(
    made: Path, policy: Path, sigstore: FakeSigstore, trust: Path, tmp_path: Path
) -> None:
    dist, name = tmp_path / "dist", "bob.rebuild.sigstore.json"
    shutil.copytree(made / "dist", dist)

    def found() -> Row:
        return verify(dist, policy, trust, *says(made, "alice", "dave"))[1][name]

    sign(said(dist).replace(b'"identical"', b'"perfect"'), dist / name, sigstore, trust, BOB)
    assert (found().word, "no rebuilder's statement" in found().why) == ("extra", True)
    shutil.copy(dist / f"{DEB}.sigstore.json", dist / name)
    assert (found().word, "is no rebuilder's" in found().why) == ("extra", True)
    bundle = json.loads((made / "says" / "bob.sigstore.json").read_text())
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = bundle["dsseEnvelope"]["payload"][:96]
    (dist / name).write_text(json.dumps(bundle))
    assert (found().word, "does not verify" in found().why) == ("extra", True)
    (dist / name).write_text("{}")
    assert found().word == "uncheckable"
    (dist / name).write_text('{"verificationMaterial": {"publicKey": {}}}')
    assert found().word == "uncheckable"


def test_the_workflow_for_rebuilders_does_what_it_says(tmp_path: Path) -> None:
    """Its commands run as they stand, with a `gh` and a coldforge that write down what they are told; what is published stays."""
    (name, text) = next(iter(rebuilder("acme/demo", ref="v1").items()))
    jobs = yaml.safe_load(text)["jobs"]
    scripts = {step["name"]: step["run"] for job in jobs.values() for step in job["steps"] if "run" in step}
    find, again, publish = (scripts[step] for step in ("find a release that was not built again yet", "rebuild", "publish"))
    assert name == ".github/workflows/rebuild.yml"
    told, output = tmp_path / "told", tmp_path / "output"
    script(tmp_path / "bin" / "gh", f'echo "gh $*" >> {told}; case "$*" in *tagName*) echo v1.0.0;; *view*) exit "$PUBLISHED";; esac')
    program = "import sys, pathlib; pathlib.Path(sys.argv[-1]).write_text('{}'); "
    program += f"pathlib.Path({str(told)!r}).open('a').write(' '.join(sys.argv[1:])); sys.exit(1)"
    files.write(tmp_path / "coldforge" / "bin" / "coldforge", program.encode())

    def run(step: str, **given: str) -> int:
        path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        job = {"WATCHED": "acme/demo", "GITHUB_REPOSITORY": "bob/again", "RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(output)}
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", step], cwd=tmp_path, env={**job, "PATH": path, **given}, check=False
        ).returncode

    assert run(find, TAG="", PUBLISHED="0") == 0
    assert not output.exists()
    assert run(find, TAG="../v1", PUBLISHED="1") != 0
    assert run(find, TAG="", PUBLISHED="1") == 0
    found = dict(line.split("=") for line in output.read_text().splitlines())
    assert found == {"tag": "v1.0.0", "name": "acme-demo-v1.0.0"}
    told.unlink()
    assert run(again, TAG=found["tag"], NAME=found["name"]) == 0  # it differs: that is signed as well
    bundle = tmp_path / f"{found['name']}.rebuild.sigstore.json"
    words = told.read_text().split()
    assert words == ["rebuild", "acme/demo@v1.0.0", "--attest", str(bundle)]
    commands.rebuild.make_context("rebuild", words[1:])  # as the program reads them
    files.write(tmp_path / "coldforge" / "bin" / "coldforge", b"raise SystemExit(3)")
    bundle.unlink()
    assert run(again, TAG=found["tag"], NAME=found["name"]) != 0  # no answer is no bundle
    told.unlink()
    assert run(publish, NAME=found["name"]) == 0
    assert told.read_text().startswith(f"gh release create {found['name']} {tmp_path}/rebuild/{bundle.name} --repo bob/again ")


def script(path: Path, text: str) -> None:
    files.write(path, f"#!/bin/bash\n{text}\n".encode())
    path.chmod(0o755)
