"""Signed packages, checked by the programs that install them; and without a key, the released bytes again."""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge import pipeline, signing
from coldforge.attest.stage import released_digests
from coldforge.bundle.stage import bundle_target
from coldforge.errors import ConfigurationError, Missing, Refused
from coldforge.filetypes import signed, spans
from coldforge.host import files
from coldforge.rebuild import rows
from coldforge.records import DETACHED, MANIFEST, Artifact, Manifest, Payload, read
from coldforge.repo.stage import publish
from coldforge.sign.keys import Given
from support import killing, packaged, payloads
from support.program import environment
from support.require import tool

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("own_cache")]
VERSION = "1.0.0"
INSIDE = ("deb", "rpm", "apk")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release that is not signed."""
    return packaged.release(tmp_path_factory.mktemp("built"), VERSION)


@pytest.fixture(scope="module", params=["ed25519", "rsa3072"])
def key(request: pytest.FixtureRequest) -> packaged.Made:
    tool("gpg", "apt-get install gnupg")
    return packaged.key(request.param)


@pytest.fixture(scope="module")
def rsa(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tool("openssl", "apt-get install openssl")
    return packaged.rsa(tmp_path_factory.mktemp("rsa"))


@pytest.fixture
def dist(built: Path, key: packaged.Made, rsa: Path, tmp_path: Path) -> Path:
    """The same release, signed."""
    shutil.copytree(built, tmp_path / "dist", symlinks=True)
    signing.sign_release(tmp_path / "dist", Given(openpgp=key.private, rsa=rsa.read_text()))
    return tmp_path / "dist"


def artifacts(dist: Path) -> dict[str, Artifact]:
    """What the manifest says, by format."""
    return {artifact.format: artifact for artifact in read(dist / MANIFEST, Manifest).artifacts}


def ran(*words: str | Path, stdin: bytes = b"") -> str:
    done = subprocess.run(words, input=stdin, capture_output=True, check=False)
    text = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, text
    return text


def checks(public: str, signature: Path, data: Path) -> str:
    """What gpg says of a detached signature, of a keyring with one key."""
    with packaged.keyring() as home:
        packaged.gpg(home, "--import", stdin=public.encode())
        return ran("gpg", "--homedir", home, "--status-fd", "1", "--verify", signature, data)


def test_the_manifest_knows_both(dist: Path, built: Path, key: packaged.Made) -> None:
    before, after = artifacts(built), artifacts(dist)
    for form in INSIDE:
        signature = after[form].signature
        assert signature is not None
        assert (signature.sha256, signature.size) == (before[form].sha256, before[form].size)
        assert after[form].sha256 == files.sha256(dist / after[form].path) != before[form].sha256
        assert after[form].size == (dist / after[form].path).stat().st_size
    assert after["arch"] == before["arch"]
    assert after[DETACHED].name == f"{after['arch'].name}.sig"
    assert after[DETACHED].key == key.fingerprint
    assert released_digests(dist, read(dist / MANIFEST, Manifest))
    assert len(read(dist / payloads.TARGET / MANIFEST, Manifest).artifacts) == 5
    flat = dist.parent / "flat"
    flat.mkdir()
    for path in (*(dist / payloads.TARGET).glob("demo*"), dist / MANIFEST, dist / "SHA256SUMS"):
        shutil.copy(path, flat)
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=flat, check=True)


def test_debs_are_signed_as_debsigs_signs_them(dist: Path, key: packaged.Made, tmp_path: Path) -> None:
    deb = dist / artifacts(dist)["deb"].path
    members = ran("ar", "t", deb).split()
    assert members == ["debian-binary", "control.tar.gz", members[2], "_gpgorigin"]
    parts = [subprocess.run(["ar", "p", deb, member], capture_output=True, check=True).stdout for member in members]
    (tmp_path / "signature").write_bytes(parts[3])
    (tmp_path / "data").write_bytes(b"".join(parts[:3]))
    said = checks(key.public, tmp_path / "signature", tmp_path / "data")
    assert f"VALIDSIG {key.fingerprint} 2023-11-14 {payloads.EPOCH} " in said
    assert ran("dpkg-deb", "-f", deb, "Version") == "1.0.0-1\n"
    assert ran("dpkg-deb", "-c", deb).count("./usr/bin/demo -> ") == 1


def test_debsig_verify_agrees(dist: Path, key: packaged.Made, tmp_path: Path) -> None:
    program = tool("debsig-verify", "apt-get install debsig-verify")
    name = key.fingerprint[-16:]
    (tmp_path / "policies" / name).mkdir(parents=True)
    (tmp_path / "keyrings" / name).mkdir(parents=True)
    with packaged.keyring() as home:
        packaged.gpg(home, "--import", stdin=key.public.encode())
        packaged.gpg(home, "--export", "--output", tmp_path / "keyrings" / name / "key.gpg")
    required = f'<Required Type="origin" File="key.gpg" id="{name}"/>'
    (tmp_path / "policies" / name / "demo.pol").write_text(
        '<?xml version="1.0"?>\n<!DOCTYPE Policy SYSTEM "https://www.debian.org/debsig/1.0/policy.dtd">\n'
        f'<Policy xmlns="https://www.debian.org/debsig/1.0/">\n<Origin Name="demo" id="{name}" Description="demo"/>\n'
        f'<Selection>{required}</Selection>\n<Verification MinOptional="0">{required}</Verification>\n</Policy>\n'
    )
    places = ("--policies-dir", tmp_path / "policies", "--keyrings-dir", tmp_path / "keyrings")
    deb = dist / artifacts(dist)["deb"].path
    assert "Verified package from 'demo'" in ran(program, *places, deb)
    broken = tmp_path / "broken.deb"
    broken.write_bytes(deb.read_bytes().replace(b"2.0\n", b"2.1\n", 1))
    assert subprocess.run([program, *places, broken], capture_output=True, check=False).returncode


def test_rpms_are_signed_as_rpm_signs_them(dist: Path, built: Path, key: packaged.Made, tmp_path: Path) -> None:
    program = tool("rpmkeys", "apt-get install rpm")
    package, plain = (folder / artifacts(folder)["rpm"].path for folder in (dist, built))
    database = ("--dbpath", tmp_path / "database")
    unknown = subprocess.run([program, *database, "-K", package], capture_output=True, text=True, check=False)
    assert unknown.returncode
    assert "SIGNATURES NOT OK" in unknown.stdout
    (tmp_path / "key.asc").write_text(key.public)
    ran(program, *database, "--import", tmp_path / "key.asc")
    assert ran(program, *database, "-K", package).endswith(": digests signatures OK\n")
    assert ran(program, *database, "-K", plain).endswith(": digests OK\n")
    said = ran(program, *database, "-Kv", package)
    assert "Header V4" in said
    assert key.fingerprint[-8:].lower() in said
    broken = tmp_path / "broken.rpm"
    broken.write_bytes(package.read_bytes().replace(b"somebody@example.org", b"SOMEBODY@example.org"))
    assert subprocess.run([program, *database, "-K", broken], capture_output=True, check=False).returncode
    assert ran("rpm", "-qp", "--nosignature", "--qf", "%{NEVRA}", package) == "demo-1.0.0-1.x86_64"


def test_rpms_own_signer_puts_the_same_kind_of_signature(dist: Path, built: Path, key: packaged.Made, tmp_path: Path) -> None:
    program = tool("rpmsign", "apt-get install rpm")
    package = tmp_path / "theirs.rpm"
    shutil.copy(built / artifacts(built)["rpm"].path, package)
    with packaged.keyring() as home:
        packaged.gpg(home, "--import", stdin=key.private.encode())
        defined = {"__gpg": tool("gpg", "apt-get install gnupg"), "_gpg_path": home, "_gpg_name": key.fingerprint}
        options = [word for name, value in defined.items() for word in ("--define", f"{name} {value}")]
        ran(program, *options, "--addsign", package)
    shown = "".join(f"%|{tag}?{{{tag} }}:{{}}|" for tag in ("RSAHEADER", "DSAHEADER", "SIGPGP", "SIGGPG"))
    ours, theirs = (ran("rpm", "-qp", "--nosignature", "--qf", shown, file) for file in (dist / artifacts(dist)["rpm"].path, package))
    assert ours == theirs != ""
    with package.open("rb") as stream, (built / artifacts(built)["rpm"].path).open("rb") as plain:
        assert b"".join(spans.pieces(stream, signed.unsigned(stream).spans)) == plain.read(), "and it is found and taken out"


def test_an_apk_is_signed_by_what_stands_before_it(dist: Path, built: Path, rsa: Path, tmp_path: Path) -> None:
    package = dist / artifacts(dist)["apk"].path
    plain = (built / artifacts(built)["apk"].path).read_bytes()
    names = ran("tar", "-tzf", package).splitlines()
    assert names[0].startswith(".SIGN.RSA256.")
    assert names[1] == ".PKGINFO"
    assert package.read_bytes().endswith(plain)
    with (built / artifacts(built)["apk"].path).open("rb") as stream:
        (span,) = signed.what_is_signed(Path(stream.name), "apk")
    (tmp_path / "control").write_bytes(plain[span.start : span.end])
    (tmp_path / "signature").write_bytes(subprocess.run(["tar", "-xzOf", package, names[0]], capture_output=True, check=True).stdout)
    ran("openssl", "rsa", "-in", rsa, "-pubout", "-out", tmp_path / "key.pub")
    said = ran("openssl", "dgst", "-sha256", "-verify", tmp_path / "key.pub", "-signature", tmp_path / "signature", tmp_path / "control")
    assert said == "Verified OK\n"
    about = ran("tar", "-xzOf", tmp_path / "control")
    assert ".PKGINFO" not in about
    assert "pkgname = demo" in about


def test_pacmans_signature_lies_beside_the_package(dist: Path, key: packaged.Made) -> None:
    package = dist / artifacts(dist)["arch"].path
    assert f"VALIDSIG {key.fingerprint}" in checks(key.public, package.with_name(f"{package.name}.sig"), package)


def test_signing_again_is_the_same_and_by_another_key_replaces(dist: Path, built: Path, key: packaged.Made, rsa: Path) -> None:
    before = payloads.snapshot(dist)
    signing.sign_release(dist, Given(openpgp=key.private, rsa=rsa.read_text()))
    assert payloads.snapshot(dist) == before
    signing.sign_release(dist, Given(openpgp=packaged.key().private))
    after = artifacts(dist)
    assert after["apk"].sha256 == files.sha256(dist / after["apk"].path)
    for form in ("deb", "rpm"):
        assert (dist / after[form].path).read_bytes() != before[after[form].path]
        with (dist / after[form].path).open("rb") as stream:
            plain = b"".join(spans.pieces(stream, signed.unsigned(stream).spans))
        assert plain == (built / after[form].path).read_bytes()


@pytest.mark.parametrize("form", [*INSIDE, "arch"])
def test_whoever_builds_it_again_has_the_released_bytes(form: str, dist: Path, built: Path, tmp_path: Path) -> None:
    """The recorded signature is put back, without the key; where none is recorded, the files are the same but for it."""
    recorded, rebuilt = artifacts(dist)[form], artifacts(built)[form]
    out = tmp_path / "out"
    (out / payloads.TARGET).mkdir(parents=True)
    shutil.copy(built / rebuilt.path, out / rebuilt.path)
    if form != "arch":
        unknown = rows.artifact_row(replace(recorded, signature=None), rebuilt, dist=dist, out=out)
        assert unknown.word == "identical but for signatures"
        for data in ("", "x", base64.b64encode(b"\x88\x75\x04\x00something").decode()):
            assert recorded.signature is not None
            wrong = replace(recorded, signature=replace(recorded.signature, data=data))
            assert rows.artifact_row(wrong, rebuilt, dist=dist, out=out).word == "identical but for signatures"
    row = rows.artifact_row(recorded, rebuilt, dist=tmp_path / "nothing here", out=out)
    assert row.word == "identical"
    assert (out / rebuilt.path).read_bytes() == (dist / recorded.path).read_bytes()
    (out / rebuilt.path).write_bytes((built / rebuilt.path).read_bytes()[:-1] + b"?")
    changed = replace(rebuilt, sha256=files.sha256(out / rebuilt.path))
    assert rows.artifact_row(recorded, changed, dist=dist, out=out).word == "differs"


def test_what_is_built_later_keeps_what_is_signed(dist: Path, built: Path, key: packaged.Made) -> None:
    plan, _ = payloads.make(dist.parent / "again", replace(payloads.PRODUCT, version=VERSION))
    payload = read(dist / payloads.TARGET / "payload.json", Payload)
    asked = [artifact.name for artifact in artifacts(built).values()]
    again = bundle_target(plan, plan.targets[0], payload, project=dist.parent / "again", out=dist, asked=asked)
    assert again == tuple(sorted((a for a in artifacts(dist).values() if a.format != DETACHED), key=lambda a: a.name))


def test_what_changed_since_it_was_built_is_not_signed(built: Path, key: packaged.Made, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "dist", symlinks=True)
    package = tmp_path / "dist" / artifacts(built)["deb"].path
    package.write_bytes(package.read_bytes() + b"\n")
    before = payloads.snapshot(tmp_path / "dist")
    with pytest.raises(Refused, match="nothing is signed") as caught:
        signing.sign_release(tmp_path / "dist", Given(openpgp=key.private))
    assert package.name in caught.value.problems[0].what
    package.unlink()
    with pytest.raises(Refused, match="nothing is signed"):
        signing.sign_release(tmp_path / "dist", Given(openpgp=key.private))
    after = payloads.snapshot(tmp_path / "dist")
    assert all(before[name] == data for name, data in after.items() if name != ".lock")


def test_what_was_signed_before_an_interruption_is_signed_again(dist: Path, built: Path, key: packaged.Made, rsa: Path) -> None:
    """The files are signed already, and the manifest does not know."""
    whole = payloads.snapshot(dist)
    for name in (MANIFEST, f"{payloads.TARGET}/{MANIFEST}"):
        shutil.copy(built / name, dist / name)
    signing.sign_release(dist, Given(openpgp=key.private, rsa=rsa.read_text()))
    assert payloads.snapshot(dist) == whole


def test_keys_that_cannot_sign(built: Path, rsa: Path, tmp_path: Path) -> None:
    with pytest.raises(Missing, match="no key is given"):
        signing.sign_release(built, Given())
    two = packaged.key().private + packaged.key().private
    with pytest.raises(ConfigurationError, match="more than one"):
        signing.sign_release(built, Given(openpgp=two))
    with packaged.keyring() as home:
        packaged.gpg(home, "--passphrase", "", "--faked-system-time", "1600000000!", "--quick-gen-key", "a", "ed25519", "sign", "1d")
        expired = packaged.gpg(home, "--armor", "--export-secret-keys")
    with pytest.raises(Missing, match=r"expired on 2020-09-14"):
        signing.sign_release(built, Given(openpgp=expired))
    with pytest.raises(ConfigurationError, match="no private key"):
        signing.sign_release(built, Given(openpgp="-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n-----END PGP PRIVATE KEY BLOCK-----\n"))
    with pytest.raises(ConfigurationError, match="at least 2048 bits"):
        signing.sign_release(built, Given(rsa=packaged.rsa(tmp_path, 1024).read_text()))
    ran("openssl", "rsa", "-in", rsa, "-aes256", "-passout", "pass:secret words", "-out", tmp_path / "locked.pem")
    locked = (tmp_path / "locked.pem").read_text()
    with pytest.raises(Missing, match="asks for a passphrase"):
        signing.sign_release(built, Given(rsa=locked))
    with pytest.raises(Missing, match="cannot be opened"):
        signing.sign_release(built, Given(rsa=locked, rsa_passphrase="wrong words"))
    shutil.copytree(built, tmp_path / "dist", symlinks=True)
    signing.sign_release(tmp_path / "dist", Given(rsa=locked, rsa_passphrase="secret words"))
    assert artifacts(tmp_path / "dist")["apk"].signature


def test_the_command_takes_its_secrets_from_the_environment_and_shows_none(built: Path, rsa: Path, tmp_path: Path) -> None:
    made = packaged.key(passphrase="correct horse battery")
    shutil.copytree(built, tmp_path / "dist", symlinks=True)
    source = Path(pipeline.__file__).parents[1]
    words = [sys.executable, "-m", "coldforge", "sign", str(tmp_path / "dist"), "--verbose", "--rsa-key", str(rsa)]
    env = packaged.environment(PYTHONPATH=str(source), COLDFORGE_OPENPGP_KEY=made.private)
    wrong = subprocess.run(words, env={**env, "COLDFORGE_OPENPGP_PASSPHRASE": "wrong horse"}, capture_output=True, text=True, check=False)
    assert wrong.returncode == 3, wrong.stderr
    assert "cannot sign" in wrong.stderr
    assert {**payloads.snapshot(tmp_path / "dist"), ".lock": b""} == {**payloads.snapshot(built), ".lock": b""}, "all or nothing"
    done = subprocess.run(
        [*words, "--json", "--passphrase-fd", "0"], env=env, input="correct horse battery\n", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert '"signature"' in done.stdout
    for text in (wrong.stderr, done.stdout, done.stderr):
        assert "horse" not in text
        assert "PGP PRIVATE" not in text
    assert artifacts(tmp_path / "dist")["deb"].signature


def test_a_repository_of_signed_packages_asks_for_their_signatures(dist: Path, key: packaged.Made, tmp_path: Path) -> None:
    publish([dist], tmp_path / "site", url="https://example.org", given=Given(openpgp=key.private))
    assert "repo_gpgcheck=1\ngpgcheck=1\n" in (tmp_path / "site/rpm/demo.repo").read_text()
    database = ("--dbpath", tmp_path / "database")
    ran("rpmkeys", *database, "--import", tmp_path / "site/demo.asc")
    assert "signatures OK" in ran("rpmkeys", *database, "-K", next((tmp_path / "site/rpm").rglob("*.rpm")))


def test_killed_at_any_moment_the_next_run_ends_it(built: Path, rsa: Path, tmp_path: Path) -> None:
    env = {**environment(), "COLDFORGE_OPENPGP_KEY": packaged.key().private, "COLDFORGE_RSA_KEY": rsa.read_text()}
    killing.at_every_moment(built, "sign", env=env, scratch=tmp_path)
