"""Packages for macOS' Installer, signed here: read back by openssl, 7-Zip, bsdtar and apple-platform-rs; notarized, and rebuilt."""

from __future__ import annotations

import base64
import io
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import apple_platform
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from coldforge import signing
from coldforge.errors import BuildFailed, ConfigurationError, Missing, Refused, RemoteFailed
from coldforge.filetypes import pkg, signed, spans, xar
from coldforge.host import files
from coldforge.inspect.look import inspect
from coldforge.project.config import Config
from coldforge.project.pkg import PkgConfig
from coldforge.rebuild import rows, signatures
from coldforge.records import MANIFEST, Artifact, Manifest, read
from coldforge.sign import apple
from coldforge.sign.keys import Given
from coldforge.verify import code
from coldforge.verify.policy import Policy
from coldforge.verify.verdict import Row
from support import mac, payloads
from support.authority import Authority
from support.fake_notary import Notary
from support.program import coldforge, environment
from support.require import tool

pytestmark = pytest.mark.integration
TEAM = "ABCDE12345"
NAME = f"Developer ID Installer: Demo Ltd ({TEAM})"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.signer("demo", NAME, team=TEAM)
    made.signer("programs", f"Developer ID Application: Demo Ltd ({TEAM})", team=TEAM)
    return made


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of one package, not signed."""
    return mac.release(tmp_path_factory.mktemp("unsigned"), "pkg", tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def signed_once(unsigned: Path, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, signed with a timestamp by the command, the key given by the environment."""
    made = Path(shutil.copytree(unsigned, tmp_path_factory.mktemp("signed") / "dist"))
    key = base64.b64encode((authority.folder / "demo.pfx").read_bytes()).decode()
    with authority.stamping() as url:
        env = environment(COLDFORGE_APPLE_INSTALLER_KEY=key, COLDFORGE_APPLE_INSTALLER_PASSPHRASE="vertraulich")
        done = coldforge("sign", str(made), "--apple-timestamp-server", url, env=env)
    done.succeeded()
    assert "vertraulich" not in done.err
    return made


@pytest.fixture
def dist(signed_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed_once, tmp_path / "dist"))


@pytest.fixture
def notary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notary]:
    waited: list[float] = []
    monkeypatch.setattr("coldforge.host.clock.sleep", waited.append)
    monkeypatch.setattr("coldforge.host.clock.now", lambda: sum(waited))
    with Notary() as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


def artifact(dist: Path) -> Artifact:
    (found,) = read(dist / MANIFEST, Manifest).artifacts
    return found


def package(dist: Path) -> Path:
    return dist / artifact(dist).path


def run(*words: str | Path, data: bytes | None = None) -> bytes:
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, input=data).stdout


def given(authority: Authority, name: str, **more: object) -> Given:
    key = str(authority.folder / f"{name}.pfx")
    return Given(installer=apple.Asked(**{"key": key, "passphrase": "vertraulich", "servers": (), "names": apple.INSTALLER, **more}))  # type: ignore[arg-type]  # of its fields


def test_openssl_finds_both_signatures_right(signed_once: Path, authority: Authority, tmp_path: Path) -> None:
    """The RSA one is of the checksum's own 20 bytes, as xar wants it; the CMS one is about them, by the authority's signer."""
    with package(signed_once).open("rb") as stream:
        toc = xar.toc(stream)
        places = {
            name: tuple(int(toc.element.findtext(f"{name}/{key}", "")) for key in ("offset", "size"))
            for name in ("checksum", "signature", "x-signature")
        }
        for name, (offset, size) in places.items():
            (tmp_path / name).write_bytes(b"".join(spans.pieces(stream, [spans.Span(toc.heap + offset, toc.heap + offset + size)])))
        (signer, *above) = pkg.certificates(toc.element)
    assert [one.subject for one in above] == [authority.certificate.subject]
    (tmp_path / "key").write_bytes(signer.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    about = ("-pubin", "-inkey", tmp_path / "key", "-sigfile", tmp_path / "signature", "-in", tmp_path / "checksum")
    run("openssl", "pkeyutl", "-verify", *about, "-pkeyopt", "digest:sha1")
    trusted = (
        "-CAfile",
        authority.folder / "ca.pem",
        "-purpose",
        "any",
        "-ignore_critical",
    )  # the mark of a Developer ID, which openssl does not know
    content = ("-content", tmp_path / "checksum", "-binary")
    assert (
        run("openssl", "cms", "-verify", "-inform", "DER", "-in", tmp_path / "x-signature", *content, *trusted)
        == (tmp_path / "checksum").read_bytes()
    )
    assert inspect(package(signed_once)).fields["timestamp"].endswith("by CN=Demo TSA")


def test_other_programs_read_a_signed_package(signed_once: Path, unsigned: Path) -> None:
    run(tool("7z", "apt-get install p7zip-full"), "t", package(signed_once))
    names = run(tool("bsdtar", "apt-get install libarchive-tools"), "-tf", package(signed_once)).decode().split()
    assert sorted(names) == ["Distribution", "demo.pkg", "demo.pkg/Bom", "demo.pkg/PackageInfo", "demo.pkg/Payload"]
    told = [apple_platform.packaging.pkg_info(package(each)) for each in (unsigned, signed_once)]
    assert told[0] == told[1]


def test_a_flipped_byte_is_found_wherever_it_matters(signed_once: Path) -> None:
    data = bytearray(package(signed_once).read_bytes())
    with package(signed_once).open("rb") as stream:
        table = xar.entries(stream)
        heap = xar.toc(stream).heap
    sums, spans_of = (heap, heap + 19, heap + 20, heap + 275), [entry.span for entry in table.entries]
    for place in (40, heap - 1, *sums, *(edge for span in spans_of for edge in (span.start, span.end - 1))):
        data[place] ^= 1
        with pytest.raises(signed.damage()):
            pkg.read(io.BytesIO(data))
        data[place] ^= 1
    assert pkg.read(io.BytesIO(data))


def test_signing_again_changes_nothing_and_another_key_is_refused(dist: Path, unsigned: Path, authority: Authority) -> None:
    made, before = artifact(dist), artifact(unsigned)
    assert made.signature
    assert (made.signature.sha256, made.signature.size) == (before.sha256, before.size)
    once = payloads.snapshot(dist)
    signing.sign_release(dist, given(authority, "demo"))
    assert payloads.snapshot(dist) == once
    authority.signer("other", "Developer ID Installer: Other Ltd")
    with pytest.raises(ConfigurationError, match="has another signature already"):
        signing.sign_release(dist, given(authority, "other"))


def test_what_signs_programs_signs_no_package(unsigned: Path, authority: Authority, tmp_path: Path) -> None:
    plain = Path(shutil.copytree(unsigned, tmp_path / "plain"))
    with pytest.raises(ConfigurationError, match="is a Developer ID Application, not a Developer ID Installer"):
        signing.sign_release(plain, given(authority, "programs"))
    with pytest.raises(ConfigurationError, match="is a Developer ID Installer, not a Developer ID Application"):
        signing.sign_release(plain, Given(apple=apple.Asked(key=str(authority.folder / "demo.pfx"), passphrase="vertraulich", servers=())))
    with pytest.raises(Missing, match="productsign is not installed"):
        signing.sign_release(plain, given(authority, "demo", key="keychain:Demo"))
    with pytest.raises(Missing, match="no key is given"):
        signing.sign_release(plain, Given())
    assert package(plain).read_bytes() == package(unsigned).read_bytes()


def test_a_key_in_pem_signs_too(unsigned: Path, authority: Authority, tmp_path: Path) -> None:
    plain = Path(shutil.copytree(unsigned, tmp_path / "plain"))
    place = authority.folder / "demo"
    signing.sign_release(plain, given(authority, "demo", key=f"{place}.key", certificate=f"{place}.pem"))
    with package(plain).open("rb") as stream:
        seen = pkg.read(stream)
    assert seen
    assert (seen.name, seen.unit, seen.time, seen.timestamp) == (NAME, TEAM, payloads.EPOCH, None)
    other = Path(shutil.copytree(unsigned, tmp_path / "other"))
    signing.sign_release(other, given(authority, "demo"))
    assert package(other).read_bytes() == package(plain).read_bytes(), "without a timestamp signing twice gives the same bytes"


def test_what_changes_more_than_a_signature_is_not_taken(
    unsigned: Path, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Path(shutil.copytree(unsigned, tmp_path / "plain"))
    config = Config(pkg=PkgConfig(license="agreement.txt"))
    other = mac.made(mac.job(tmp_path / "other", "pkg", config=config), mac.tree(tmp_path / "tree"))
    sign = apple_platform.sign
    monkeypatch.setattr(apple_platform, "sign", lambda _file, out, **more: sign(other, out, **more))
    with pytest.raises(BuildFailed, match="is none of it"):
        signing.sign_release(plain, given(authority, "demo"))
    assert package(plain).read_bytes() == package(unsigned).read_bytes()


def test_a_policy_wants_a_team_that_apple_has_certified(signed_once: Path, unsigned: Path, authority: Authority, tmp_path: Path) -> None:
    path, row = package(signed_once), Row(name="demo.pkg", word="ok", sha256="d")
    ours = (authority.folder / "ca.pem").read_text()
    assert code.judged(row, path, Policy(apple_team=TEAM, apple_root=ours)) == row
    assert code.judged(row, path, Policy(apple_team="ZZZZZ12345", apple_root=ours)).word == "foreign"
    assert code.judged(row, package(unsigned), Policy(apple_team=TEAM, apple_root=ours)).word == "unsigned"
    (tmp_path / "liar").mkdir()
    liar = Authority(tmp_path / "liar")
    assert liar.certificate.subject == authority.certificate.subject
    for policy in (Policy(apple_team=TEAM), Policy(apple_team=TEAM, apple_root=(liar.folder / "ca.pem").read_text())):
        doubted = code.judged(row, path, policy)
        assert doubted.word == "foreign"
        assert doubted.why.endswith("no certificate that is believed has issued it")
    changed = tmp_path / "demo.pkg"
    changed.write_bytes(path.read_bytes()[:-1] + b"!")
    assert code.judged(row, changed, Policy(apple_team=TEAM, apple_root=ours)).word == "altered"


def test_notarized_stapled_and_rebuilt_without_key_or_apple(dist: Path, unsigned: Path, notary: Notary, tmp_path: Path) -> None:
    notary.statuses = ["In Progress"]
    with pytest.raises(RemoteFailed, match="Apple has not decided"):
        signing.notarize_release(dist, {}, minutes=5)
    notary.submissions[0].statuses = ["Accepted"]
    before = package(dist).read_bytes()
    signing.notarize_release(dist, {}, minutes=5)
    assert notary.count("upload") == 1
    assert notary.submissions[0].data == before
    whole = package(dist).read_bytes()
    with package(dist).open("rb") as stream:
        seen, ticket, record = pkg.read(stream), pkg.ticket(stream), pkg.record(stream)
    assert seen
    assert seen.name == NAME
    assert ticket == b"s8ch" + f"ticket of {record}".encode()
    assert record == f"2/1/{files.digest(before[28 : 28 + int.from_bytes(before[8:16], 'big')], 'sha1')}"
    terminator, trailer = b"t8lr\1\0\1\0" + bytes(8), b"t8lr\1\0\2\0" + len(ticket).to_bytes(4, "little") + bytes(4)
    assert whole == before + terminator + ticket + trailer
    assert inspect(package(dist)).fields["ticket"] == f"{len(ticket)} bytes"
    once = payloads.snapshot(dist)
    signing.notarize_release(dist, {}, minutes=5)
    assert payloads.snapshot(dist) == once

    out = Path(shutil.copytree(unsigned, tmp_path / "again"))
    assert signatures.same_but_for_signatures(memoryview(whole), memoryview(package(out).read_bytes()))
    assert rows.artifact_row(artifact(dist), artifact(unsigned), dist=dist, out=out).word == "identical"
    assert package(out).read_bytes() == whole


def test_what_is_behind_a_package_is_a_ticket_or_nothing(dist: Path, unsigned: Path, notary: Notary) -> None:
    path = package(dist)
    whole = path.read_bytes()
    path.write_bytes(whole + b"more")
    assert inspect(path).fields["signature"] == "bad: there is something behind its files"
    assert not signatures.same_but_for_signatures(memoryview(whole + b"more"), memoryview(package(unsigned).read_bytes()))
    hidden = bytearray(whole)
    hidden[xar.toc(io.BytesIO(whole)).heap + 30] ^= 1  # within the RSA signature
    assert not signatures.same_but_for_signatures(memoryview(bytes(hidden)), memoryview(package(unsigned).read_bytes()))
    with pytest.raises(Refused, match="is not the file that the manifest lists"):
        signing.notarize_release(dist, {}, minutes=5)
    assert notary.count("begin") == 0
    with pytest.raises(ConfigurationError, match="is not signed") as caught:
        signing.notarize_release(unsigned, {}, minutes=5)
    assert "--apple-installer-key" in caught.value.hint
