"""Installers for Windows, signed: read by osslsigncode too; and without a key, the released bytes again."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from msgspec.structs import replace

from coldforge import recording, signing
from coldforge.errors import BuildFailed, ConfigurationError, Missing, Refused, RemoteFailed
from coldforge.filetypes import authenticode, signed
from coldforge.host import files
from coldforge.rebuild import rows, signatures
from coldforge.records import MANIFEST, Artifact, Manifest, Payload, SourceRecord, TargetRecord, canonical, read
from coldforge.sign import authenticode as authenticode_key
from coldforge.sign.authenticode import Asked
from coldforge.sign.keys import Given
from coldforge.verify import code
from coldforge.verify.policy import Policy
from coldforge.verify.verdict import Row
from support import killing, payloads
from support.authority import Authority, pem, second_opinion
from support.program import coldforge, environment
from support.releases import ENVIRONMENT
from support.require import need, tool

pytestmark = pytest.mark.integration
TARGET = "windows-x86_64"
SETUP, MSI = "demo-setup.exe", "demo.msi"
FORMATS = {SETUP: "nsis", MSI: "msi"}
NSI = """\
Unicode true
Target amd64-unicode
SetDateSave off
Name demo
OutFile demo-setup.exe
RequestExecutionLevel user
InstallDir "$PROFILE\\demo"
Page instfiles
Section
SetOutPath $INSTDIR
File text.txt
SectionEnd
"""
WXS = """\
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi"><Product Id="6D1C5A20-3E7E-4E86-9B3C-0C4C0F9A0011" Name="demo" Language="1033"
Version="1.0.0" Manufacturer="demo" UpgradeCode="6D1C5A20-3E7E-4E86-9B3C-0C4C0F9A0012"><Package InstallerVersion="200" Compressed="yes"/>
<Media Id="1" Cabinet="a.cab" EmbedCab="yes"/><Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFiles64Folder">
<Directory Id="INSTALLDIR" Name="demo"><Component Id="c" Guid="6D1C5A20-3E7E-4E86-9B3C-0C4C0F9A0013">
<File Id="f" Source="text.txt" Name="text.txt" KeyPath="yes"/></Component></Directory></Directory></Directory>
<Feature Id="F" Level="1"><ComponentRef Id="c"/></Feature></Product></Wix>
"""

PROJECT = """\
freezer = "command"

[project]
name = "demo"
version = "1.0.0"
description = "A demonstration."

[command]
run = ["cp demo.sh {out}/demo", "cp demo-setup.exe {out}"]

[smoke]
skip = "nothing of it runs here"
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of two installers, not signed."""
    tool("osslsigncode", "apt-get install osslsigncode")
    dist = tmp_path_factory.mktemp("built")
    work = dist / TARGET
    work.mkdir()
    (work / "text.txt").write_text("it runs\n" * 5000)
    (work / "demo.nsi").write_text(NSI)
    (work / "demo.wxs").write_text(WXS)
    subprocess.run([tool("makensis", "apt-get install nsis"), "-V1", "demo.nsi"], cwd=work, check=True)
    subprocess.run([tool("wixl", "apt-get install wixl"), "-a", "x64", "-o", MSI, "demo.wxs"], cwd=work, check=True, capture_output=True)
    made = tuple(artifact(dist, name) for name in sorted(FORMATS))
    record = TargetRecord(target=TARGET, freezer="pyinstaller", payload_digest="d", payload_size=1, environment=ENVIRONMENT, artifacts=made)
    source = SourceRecord(epoch=payloads.EPOCH)
    manifest = canonical(Manifest(coldforge="0", product="demo", version="1.0.0", source=source, targets=(record,)))
    for path in (dist / MANIFEST, work / MANIFEST):
        path.write_bytes(manifest)
    return dist


def artifact(dist: Path, name: str) -> Artifact:
    """The record of a file in a target's folder."""
    path = dist / TARGET / name
    size, sha256 = path.stat().st_size, files.sha256(path)
    return Artifact(name=name, path=f"{TARGET}/{name}", target=TARGET, format=FORMATS[name], size=size, sha256=sha256)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.signer("demo", "Demo Ltd")
    return made


@pytest.fixture
def dist(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built, tmp_path / "dist")
    return tmp_path / "dist"


def artifacts(dist: Path) -> dict[str, Artifact]:
    return {one.name: one for one in read(dist / MANIFEST, Manifest).artifacts}


def seen(path: Path, authority: Authority) -> authenticode.Seen:
    with path.open("rb") as stream:
        found = authenticode.read(stream, believed=(authority.certificate,))
    assert found is not None
    return found


def digest(path: Path) -> str:
    with path.open("rb") as stream:
        return authenticode.digest(stream)


def broken(data: bytes) -> bytes:
    """A changed byte in what is packed in a setup, or in the cabinet of an msi: between its streams there is room that nobody reads."""
    place = data.find(b"MSCF") + 100 if b"MSCF" in data else len(data) // 2
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_both_are_signed_and_two_readers_agree(dist: Path, built: Path, authority: Authority) -> None:
    signing.sign_release(dist, pem(authority))
    for name, made in artifacts(dist).items():
        path, before = dist / made.path, artifacts(built)[name]
        said = second_opinion(path, authority)
        (theirs,) = re.findall(r"Calculated (?:message digest : |DigitalSignature +: )([0-9A-F]{64})", said)
        assert digest(path) == digest(built / made.path) == theirs.lower()
        assert made.signature is not None
        assert (made.signature.sha256, made.signature.size) == (before.sha256, before.size)
        assert (made.sha256, made.size) == (files.sha256(path), path.stat().st_size)
        found = seen(path, authority)
        assert (found.signer, found.issuer, found.time, found.timestamp, found.chain) == (
            "CN=Demo Ltd", "CN=Demo CA", payloads.EPOCH, None, "",
        )  # fmt: skip
        assert "Nov 14 22:13:20 2023 GMT" in said


def test_again_it_is_the_same_and_elsewhere_too(dist: Path, built: Path, authority: Authority, tmp_path: Path) -> None:
    signing.sign_release(dist, pem(authority))
    once = payloads.snapshot(dist)
    signing.sign_release(dist, pem(authority))
    assert payloads.snapshot(dist) == once
    shutil.copytree(built, tmp_path / "elsewhere")
    signing.sign_release(tmp_path / "elsewhere", pem(authority))
    assert payloads.snapshot(tmp_path / "elsewhere") == once
    authority.signer("other", "Other Ltd")
    with pytest.raises(ConfigurationError, match="has another signature already: it is of another certificate, of CN=Demo Ltd"):
        signing.sign_release(dist, pem(authority, "other"))


@pytest.mark.parametrize("name", FORMATS)
def test_a_rebuild_has_the_released_bytes(name: str, dist: Path, built: Path, authority: Authority, tmp_path: Path) -> None:
    signing.sign_release(dist, pem(authority))
    recorded, rebuilt = artifacts(dist)[name], artifacts(built)[name]
    out = tmp_path / "again"
    shutil.copytree(built, out)
    assert rows.artifact_row(recorded, rebuilt, dist=dist, out=out).word == "identical"
    assert (out / rebuilt.path).read_bytes() == (dist / recorded.path).read_bytes()
    shutil.copytree(built, out, dirs_exist_ok=True)
    assert recorded.signature
    wrong = replace(recorded, signature=replace(recorded.signature, data=base64.b64encode(b"\x30\x00").decode()))
    assert rows.artifact_row(wrong, rebuilt, dist=dist, out=out).word == "identical but for signatures"
    (out / rebuilt.path).write_bytes(broken((built / rebuilt.path).read_bytes()))
    changed = replace(rebuilt, sha256=files.sha256(out / rebuilt.path))
    assert rows.artifact_row(recorded, changed, dist=dist, out=out).word == "differs"


@pytest.mark.parametrize("name", FORMATS)
def test_a_changed_byte_is_found(name: str, dist: Path, authority: Authority) -> None:
    signing.sign_release(dist, pem(authority))
    path = dist / artifacts(dist)[name].path
    path.write_bytes(broken(path.read_bytes()))
    with pytest.raises(ValueError, match="the file was changed after it was signed"):
        seen(path, authority)
    done = coldforge("inspect", path, "--json", env=environment()).succeeded()
    assert json.loads(done.out)["fields"]["signature"] == "bad: the file was changed after it was signed"


def test_what_hides_beside_a_signature_is_no_signature(dist: Path, built: Path, authority: Authority, tmp_path: Path) -> None:
    folder, path = authority.folder, tmp_path / "hiding.exe"
    words: list[str | Path] = ["osslsigncode", "sign", "-certs", folder / "demo.pem", "-key", folder / "demo.key", "-h", "sha256"]
    plain = built / TARGET / SETUP
    subprocess.run([*words, "-addUnauthenticatedBlob", "-in", plain, "-out", path], check=True, capture_output=True)
    with pytest.raises(ValueError, match="there is more in its signature than one"):
        seen(path, authority)
    with path.open("rb") as stream, pytest.raises(ValueError, match="more in its signature"):
        signed.unsigned(stream)
    signing.sign_release(dist, pem(authority))
    recorded = artifacts(dist)[SETUP]
    longer = (dist / recorded.path).read_bytes() + b"payload!"
    (dist / recorded.path).write_bytes(longer)
    with pytest.raises(ValueError, match="its signatures are not at its end"):
        seen(dist / recorded.path, authority)


@pytest.mark.parametrize("name", FORMATS)
def test_damage_is_told_as_such(name: str, dist: Path, authority: Authority) -> None:
    """Whatever is in a file, it is read to an end: without a signature, with it, or as damaged."""
    signing.sign_release(dist, pem(authority))
    data = (dist / TARGET / name).read_bytes()
    table = data.rfind(b"R\0o\0o\0t\0") if name == MSI else 0x200
    places = [*range(0, 512, 3), *range(table, table + 512, 3), *range(len(data) - 2200, len(data), 17)]
    told: set[bool | None] = set()
    for place in places:
        changed = data[:place] + b"\xff" + data[place + 1 :]
        try:
            told.add(authenticode.read(io.BytesIO(changed)) is None)
        except signed.damage():
            told.add(None)
    assert None in told
    for end in (9, 600, 3000, len(data) - 600):
        with pytest.raises(signed.damage()):
            authenticode.read(io.BytesIO(data[:end]))


def test_timestamps_are_asked_of_one_server_after_the_other(dist: Path, authority: Authority) -> None:
    with authority.stamping() as server:
        signing.sign_release(dist, pem(authority, servers=("http://127.0.0.1:9/", server)))
    for made in artifacts(dist).values():
        found = seen(dist / made.path, authority)
        assert found.timestamp is not None
        assert (found.timestamp.signer, found.chain) == ("CN=Demo TSA", "")
        assert "Timestamp Server Signature verification: ok" in second_opinion(dist / made.path, authority)


def test_without_any_timestamp_nothing_is_signed(dist: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("coldforge.host.clock.sleep", waits.append)
    before = payloads.snapshot(dist)
    with pytest.raises(RemoteFailed, match=r"no timestamp from http://127\.0\.0\.1:9/, http://127\.0\.0\.1:10/"):
        signing.sign_release(dist, pem(authority, servers=("http://127.0.0.1:9/", "http://127.0.0.1:10/")))
    assert {**payloads.snapshot(dist), ".lock": b""} == {**before, ".lock": b""}
    assert len([wait for wait in waits if wait]) == 2


def test_the_command_takes_a_key_with_a_passphrase_and_shows_neither(dist: Path, authority: Authority, tmp_path: Path) -> None:
    program, log = tool("osslsigncode", "apt-get install osslsigncode"), tmp_path / "lines"
    (tmp_path / "bin").mkdir()
    wrapper = tmp_path / "bin" / "osslsigncode"
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {log}\nenv >> {log}\nexec {program} "$@"\n')
    wrapper.chmod(0o755)
    text = base64.b64encode((authority.folder / "demo.pfx").read_bytes()).decode()
    env = environment(COLDFORGE_AUTHENTICODE_KEY=text)
    env["PATH"] = f"{tmp_path / 'bin'}:{env['PATH']}"
    words = ("sign", dist, "--verbose")
    coldforge(*words, env={**env, "COLDFORGE_AUTHENTICODE_PASSPHRASE": "falsch"}).failed(3, "cannot be opened")
    done = coldforge(*words, env={**env, "COLDFORGE_AUTHENTICODE_PASSPHRASE": "vertraulich"}).succeeded()
    shown = done.out + done.err + log.read_text()
    assert "-pkcs12" in shown
    assert "vertraulich" not in shown
    assert text[:60] not in shown
    assert "Subject: /CN=Demo Ltd" in second_opinion(dist / TARGET / SETUP, authority)


def test_inspect_tells_who_signed(dist: Path, authority: Authority) -> None:
    path = dist / TARGET / MSI
    before = json.loads(coldforge("inspect", path, "--json", env=environment()).succeeded().out)
    assert (before["kind"], before["fields"]["signature"]) == ("msi", "none")
    signing.sign_release(dist, pem(authority))
    after = json.loads(coldforge("inspect", path, "--json", env=environment()).succeeded().out)["fields"]
    assert after["authenticode digest"] == before["fields"]["authenticode digest"]
    assert (after["signed by"], after["signed at"], after["timestamp"]) == ("CN=Demo Ltd", "2023-11-14T22:13:20Z", "none")


def test_inspect_tells_whether_it_leads_to_an_authority(dist: Path, authority: Authority, tmp_path: Path) -> None:
    path, ca = dist / TARGET / SETUP, authority.folder / "ca.pem"
    coldforge("inspect", path, "--ca", ca, env=environment()).failed(2, "is not signed")
    signing.sign_release(dist, pem(authority))
    done = coldforge("inspect", path, "--ca", ca, "--json", env=environment()).succeeded()
    assert json.loads(done.out)["fields"]["chain"] == "leads to a certificate in ca.pem"
    Authority(tmp_path)
    done = coldforge("inspect", path, "--ca", tmp_path / "ca.pem", "--json", env=environment()).succeeded()
    assert json.loads(done.out)["fields"]["chain"] == "CN=Demo Ltd: no certificate that is believed has issued it"
    coldforge("inspect", path, "--ca", path, env=environment()).failed(2, "holds no certificate")


@pytest.mark.parametrize("name", FORMATS)
def test_a_policy_may_demand_who_signed(name: str, dist: Path, authority: Authority) -> None:
    path, row = dist / TARGET / name, Row(name=name, word="ok", sha256="d")
    assert code.judged(row, path, Policy()) == row
    policy = Policy(code_signer="Demo Ltd", code_root=(authority.folder / "ca.pem").read_text())
    assert code.judged(row, path, policy) == replace(
        row, word="unsigned", why="it has no Authenticode signature", expected="Demo Ltd", got="nothing"
    )
    signing.sign_release(dist, pem(authority))
    for called in ("Demo Ltd", "CN=Demo Ltd"):
        assert code.judged(row, path, replace(policy, code_signer=called)) == row
    assert code.judged(row, path, replace(policy, code_signer="Demo")) == replace(
        row, word="foreign", why="Authenticode: somebody else signed it", expected="Demo", got="CN=Demo Ltd"
    )
    path.write_bytes(broken(path.read_bytes()))
    found = code.judged(row, path, policy)
    assert (found.word, found.why) == ("altered", "its Authenticode signature is bad: the file was changed after it was signed")
    assert code.judged(replace(row, word="missing"), path, policy).word == "missing"


def test_the_name_of_a_signer_is_worth_who_certified_it(dist: Path, tmp_path: Path) -> None:
    """An authority with one below it, and one of the same names that anybody could make; osslsigncode agrees."""
    for folder in ("root", "below", "liar"):
        (tmp_path / folder).mkdir()
    root, liar = Authority(tmp_path / "root"), Authority(tmp_path / "liar")
    below = Authority(tmp_path / "below", root)
    below.signer("demo", "Demo Ltd")
    below.signer("old", "Demo Ltd", until=datetime(2021, 1, 1, tzinfo=UTC))
    path, row = dist / TARGET / SETUP, Row(name=SETUP, word="ok", sha256="d")
    plain = path.read_bytes()

    def why(name: str, believed: Authority, server: str = "", file: str = "ca.pem") -> str:
        path.write_bytes(plain)
        key = pem(below, name, servers=(server,) if server else ()).programs
        with authenticode_key.opened(key) as opened:
            signature = opened.signature(path, name=SETUP, epoch=payloads.EPOCH)
        signed.put(path, "nsis", signature, tmp_path / SETUP)
        policy = Policy(code_signer="Demo Ltd", code_root=(believed.folder / file).read_text())
        found = code.judged(row, tmp_path / SETUP, policy)
        assert found == row or (found.word, found.expected) == ("foreign", "Demo Ltd, certified by the policy's code-root")
        return found.why

    assert why("demo", root) == ""
    second_opinion(tmp_path / SETUP, root)
    assert why("demo", below) == why("demo", below, file="demo.pem") == "", "whoever is named is believed"
    assert why("demo", liar) == "Authenticode: CN=Demo Ltd: no certificate that is believed has issued it"
    with pytest.raises(AssertionError, match="Signature verification: failed"):
        second_opinion(tmp_path / SETUP, liar)
    assert why("old", root) == "Authenticode: CN=Demo Ltd: the certificate of CN=Demo Ltd was not valid at that time", "no timestamp"
    with root.stamping() as server:
        assert why("demo", root, server) == ""
        second_opinion(tmp_path / SETUP, root)
    with liar.stamping() as server:
        assert why("demo", root, server) == "Authenticode: timestamp of CN=Demo TSA: no certificate that is believed has issued it"


@pytest.fixture
def signs(tmp_path: Path, authority: Authority) -> str:
    """A program that signs as clouds do: it has the key, and changes the file in its place."""
    path = tmp_path / "signs"
    key = f"-certs {authority.folder}/demo.pem -key {authority.folder}/demo.key"
    path.write_text(
        '#!/bin/sh\nset -e\ntest "$1" = "--file=$2"\ntest -z "$SECRET_OF_OTHERS"\ntest "$TOKEN" = "of mine"\n'
        f'osslsigncode sign {key} -h sha256 -time 1700000000 -in "$2" -out "$2.signed" > /dev/null\nmv "$2.signed" "$2"\n'
    )
    path.chmod(0o755)
    return str(path)


def commanded(*words: str, subject: str = "Demo Ltd", servers: tuple[str, ...] = ()) -> Given:
    return Given(programs=Asked(command=words, subject=subject, seen=("TOKEN",), servers=servers))


def test_a_command_signs_instead_and_is_not_believed(
    dist: Path, built: Path, authority: Authority, signs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "of mine")
    monkeypatch.setenv("SECRET_OF_OTHERS", "not yours")
    before = {**payloads.snapshot(dist), ".lock": b""}
    for given, why in (
        (commanded("true", "{file}"), "put no signature into it"),
        (commanded(signs, "--file={file}", "{file}", subject="Somebody"), "it is of CN=Demo Ltd, not of Somebody"),
        (commanded(signs, "--file={file}", "{file}", servers=("http://127.0.0.1:9/",)), "it has no timestamp"),
    ):
        with pytest.raises(BuildFailed, match=why):
            signing.sign_release(dist, given)
        assert {**payloads.snapshot(dist), ".lock": b""} == before
    signing.sign_release(dist, commanded(signs, "--file={file}", "{file}"))
    for made in artifacts(dist).values():
        assert seen(dist / made.path, authority).signer == "CN=Demo Ltd"
        assert digest(dist / made.path) == digest(built / made.path)


def test_a_key_that_never_leaves_its_token(dist: Path, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, module = tool("softhsm2-util", "apt-get install softhsm2"), Path("/usr/lib/softhsm/libsofthsm2.so")
    need("softhsm2", available=module.is_file(), how="apt-get install softhsm2 libengine-pkcs11-openssl")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm.conf").write_text(f"directories.tokendir = {tmp_path}/tokens\nobjectstore.backend = file\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm.conf"))
    subprocess.run([program, "--init-token", "--free", "--label", "demo", "--so-pin", "12345678", "--pin", "8765432"], check=True)
    key = authority.folder / "demo.key"
    subprocess.run([program, "--import", key, "--token", "demo", "--label", "code", "--id", "01", "--pin", "8765432"], check=True)
    given = pem(authority, key="pkcs11:token=demo;object=code", module=str(module), passphrase="8765432")
    before = {**payloads.snapshot(dist), ".lock": b""}
    with pytest.raises(Missing, match="cannot sign"):
        signing.sign_release(dist, pem(authority, key="pkcs11:token=demo;object=code", module=str(module), passphrase="1111111"))
    assert {**payloads.snapshot(dist), ".lock": b""} == before
    signing.sign_release(dist, given)
    for made in artifacts(dist).values():
        assert seen(dist / made.path, authority).chain == ""
        assert "Subject: /CN=Demo Ltd" in second_opinion(dist / made.path, authority)


def test_keys_that_cannot_sign(dist: Path, authority: Authority, tmp_path: Path) -> None:
    authority.signer("odd", "Odd", ExtendedKeyUsageOID.SERVER_AUTH)
    for given, kind, why in (
        (Given(programs=Asked(key=str(authority.folder / "demo.key"))), ConfigurationError, "without its certificate"),
        (Given(programs=Asked(key="no such file!")), Missing, "neither a file nor a key"),
        (Given(programs=Asked(key=str(authority.folder / "demo.pfx"), passphrase="wrong")), Missing, "cannot be opened"),
        (pem(authority, certificate=str(authority.folder / "odd.pem")), Missing, "cannot sign"),
    ):
        with pytest.raises(kind, match=why):
            signing.sign_release(dist, given)
    signing.sign_release(dist, pem(authority, "odd"))
    assert seen(dist / TARGET / MSI, authority).chain == "CN=Odd: the certificate is for something else"
    stranger = Authority(tmp_path)
    with (dist / TARGET / MSI).open("rb") as stream:
        found = authenticode.read(stream, believed=(stranger.certificate,))
    assert found is not None
    assert "CN=Odd" in found.chain


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLDFORGE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def frozen(built: Path, authority: Authority, tmp_path: Path) -> Path:
    """A release that is frozen and not packaged: programs, one that a vendor has signed, one that only begins like one, a link."""
    dist = tmp_path / "frozen"
    root = dist / TARGET / "payload"
    (root / "_internal").mkdir(parents=True)
    setup = (built / TARGET / SETUP).read_bytes()
    for name, data in {
        "demo.exe": setup,
        "_internal/module.pyd": setup + b"!",
        "_internal/data.bin": b"MZ is no program",
        "a.txt": b"x",
    }.items():
        (root / name).write_bytes(data)
    (root / "demo.exe").chmod(0o755)
    (root / "link").symlink_to("a.txt")
    authority.signer("vendor", "Vendor")
    words: list[str | Path] = ["sign", "-certs", authority.folder / "vendor.pem", "-key", authority.folder / "vendor.key", "-h", "sha256"]
    subprocess.run(
        ["osslsigncode", *words, "-in", root / "demo.exe", "-out", root / "_internal/vendor.dll"], check=True, capture_output=True
    )
    payload = replace(payloads.payload_of(root), target=TARGET)
    manifest = read(built / MANIFEST, Manifest)
    text = canonical(replace(manifest, targets=(recording.record_of(payload),)))
    for path, data in {"payload.json": canonical(payload), MANIFEST: text, f"../{MANIFEST}": text}.items():
        (dist / TARGET / path).write_bytes(data)
    return dist


def test_programs_of_a_tree_are_signed_before_it_is_packaged(frozen: Path, authority: Authority, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(frozen, again, symlinks=True)
    before = read(frozen / TARGET / "payload.json", Payload)
    key = authority.folder / "demo"
    words = ("sign", frozen, "--payload", "--authenticode-key", f"{key}.key", "--authenticode-certificate", f"{key}.pem")
    coldforge(*words, env=environment()).succeeded()
    after = read(frozen / TARGET / "payload.json", Payload)
    root = frozen / TARGET / "payload"
    changed = {new.path: (old, new) for old, new in zip(before.files, after.files, strict=True) if old != new}
    assert sorted(changed) == ["_internal/module.pyd", "demo.exe"]
    for path, (old, new) in changed.items():
        assert new.signature
        assert (new.signature.sha256, new.signature.size) == (old.sha256, old.size)
        assert new == replace(payloads.entry(root / path, root), kind=old.kind, mode=old.mode, origin=old.origin, signature=new.signature)
        assert seen(root / path, authority).signer == "CN=Demo Ltd"
        second_opinion(root / path, authority)
    assert seen(root / "_internal/vendor.dll", authority).signer == "CN=Vendor"
    assert (root / "demo.exe").stat().st_mode & 0o777 == 0o755
    (record,) = read(frozen / MANIFEST, Manifest).targets
    assert (record.payload_digest, record.signed.keys()) == (after.digest, changed.keys())
    assert read(frozen / TARGET / MANIFEST, Manifest).targets == (record,)
    once = payloads.snapshot(frozen)
    coldforge(*words, env=environment()).succeeded()
    assert payloads.snapshot(frozen) == once

    rebuilt = signatures.put_back_into_tree(record.signed, again / TARGET)
    assert rebuilt.digest == after.digest
    assert payloads.snapshot(again / TARGET / "payload") == payloads.snapshot(root)


def test_what_was_changed_after_its_vendor_signed_it_is_refused(frozen: Path, authority: Authority) -> None:
    root = frozen / TARGET / "payload"
    data = bytearray((root / "_internal/vendor.dll").read_bytes())
    data[0x400] ^= 1
    (root / "_internal/vendor.dll").write_bytes(data)
    payload = replace(payloads.payload_of(root), target=TARGET)
    manifest = replace(read(frozen / MANIFEST, Manifest), targets=(recording.record_of(payload),))
    for path, text in {"payload.json": canonical(payload), MANIFEST: canonical(manifest), f"../{MANIFEST}": canonical(manifest)}.items():
        (frozen / TARGET / path).write_bytes(text)
    once = {**payloads.snapshot(frozen), ".lock": b""}
    key = authority.folder / "demo"
    words = ("sign", frozen, "--payload", "--authenticode-key", f"{key}.key", "--authenticode-certificate", f"{key}.pem")
    coldforge(*words, env=environment()).failed(1, "_internal/vendor.dll was changed after it was signed", "remove-signature")
    assert payloads.snapshot(frozen) == once


def test_a_tree_that_cannot_be_signed_stays_as_it_was(frozen: Path, authority: Authority) -> None:
    whole = {**payloads.snapshot(frozen), ".lock": b""}
    key = f"-certs {authority.folder}/demo.pem -key {authority.folder}/demo.key"
    first = f'case "$1" in *.pyd) osslsigncode sign {key} -h sha256 -in "$1" -out "$1.signed" && mv "$1.signed" "$1";; esac'
    with pytest.raises(BuildFailed, match=r"what signs demo\.exe put no signature into it"):
        signing.sign_payloads(frozen, commanded("sh", "-c", first, "sh", "{file}"))
    assert {**payloads.snapshot(frozen), ".lock": b""} == whole
    data = frozen / TARGET / "payload" / "_internal" / "data.bin"
    data.write_text("other")
    with pytest.raises(Refused, match=r"_internal/data\.bin is not the file that was frozen"):
        signing.sign_payloads(frozen, pem(authority))
    assert {**payloads.snapshot(frozen), ".lock": b""} == {**whole, f"{TARGET}/payload/_internal/data.bin": b"other"}


def test_killed_at_any_moment_the_next_run_ends_it(frozen: Path, dist: Path, authority: Authority, tmp_path: Path) -> None:
    """Programs and libraries of a tree, and two installers."""
    key = ("--authenticode-key", f"{authority.folder / 'demo'}.key", "--authenticode-certificate", f"{authority.folder / 'demo'}.pem")
    for release, words, signed_ones in (
        (frozen, ("--payload", *key), [f"{TARGET}/payload/demo.exe", f"{TARGET}/payload/_internal/module.pyd"]),
        (dist, key, [f"{TARGET}/{name}" for name in FORMATS]),
    ):
        scratch = tmp_path / f"{release.name} killed"
        scratch.mkdir()
        before = payloads.snapshot(release)
        after = killing.at_every_moment(release, "sign", *words, env=environment(), scratch=scratch)
        assert {path for path in before if after[path] != before[path]} >= set(signed_ones)
        for path in signed_ones:
            second_opinion(scratch / "whole" / path, authority)


def test_a_rebuild_arrives_at_packages_of_signed_programs(
    built: Path, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tree is one for Linux, because every machine can freeze it."""
    project, dist, env = tmp_path / "project", tmp_path / "dist", environment(COLDFORGE_CACHE=str(tmp_path / "cache"))
    project.mkdir()
    (project / "coldforge.toml").write_text(PROJECT)
    (project / "matrix.yml").write_text("targets:\n  linux-x86_64: {formats: [tar.gz]}\n")
    (project / "demo.sh").write_text("#!/bin/sh\necho it runs\n")
    (project / "demo.sh").chmod(0o755)
    shutil.copy(built / TARGET / SETUP, project)
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=S", "-c", "user.email=s@e.org", "commit", "-q", "-m", "all"]):
        subprocess.run(["git", "-C", project, *words], check=True)
    coldforge("freeze", project, "--host", "--out", dist, env=env).succeeded()
    monkeypatch.setattr("coldforge.sign.payload.WINDOWS", "linux-")
    (record,) = signing.sign_payloads(dist, pem(authority)).targets
    assert list(record.signed) == [SETUP]
    coldforge("build", project, "--host", "--out", dist, env=env).succeeded()
    assert read(dist / MANIFEST, Manifest).targets[0].payload_digest == record.payload_digest, "a build keeps what is signed"
    (package,) = artifacts(dist).values()
    with tarfile.open(dist / package.path) as tar, tar.extractfile(f"demo-1.0.0/{SETUP}") as stream:  # type: ignore[union-attr]  # a file
        found = authenticode.read(io.BytesIO(stream.read()))
    assert found is not None
    assert found.signer == "CN=Demo Ltd"
    done = coldforge("rebuild", dist, "--unverified", "--host", "--source", project, "--json", env=env).succeeded()
    assert [(row["name"], row["word"]) for row in json.loads(done.out)["rows"]] == [
        ("linux-x86_64/payload", "identical"), (package.name, "identical"),
    ]  # fmt: skip
