"""Real programs for macOS, signed here: read by apple-platform-py and openssl too; and without a key, the released bytes again."""

from __future__ import annotations

import hashlib
import io
import plistlib
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import apple_platform
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificates
from msgspec.structs import replace

from coldforge import recipes, recording, signing
from coldforge.bundle.stage import bundle_target
from coldforge.errors import ConfigurationError, Missing, Refused, RemoteFailed
from coldforge.filetypes import blobs, codesign, developer, signed
from coldforge.host import files
from coldforge.inspect.look import inspect
from coldforge.plan.model import Plan
from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, Executable, Matrix, TargetConfig
from coldforge.project.macos import MacosConfig
from coldforge.rebuild import signatures
from coldforge.records import MANIFEST, Manifest, Payload, SourceRecord, canonical, read
from coldforge.sign import apple
from coldforge.sign.keys import Given
from coldforge.verify import code
from support import killing, machos, payloads
from support.authority import Authority
from support.fake_notary import Notary
from support.program import coldforge, environment
from support.require import tool

pytestmark = pytest.mark.integration
TARGET = "macos-aarch64"
TEAM = "ABCDE12345"
NAME = f"Developer ID Application: Demo Ltd ({TEAM})"
PASSPHRASE = "vertraulich"
CODE = ("demo", "_internal/helper", "_internal/lib.dylib")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A frozen tree that is not signed: a program for both processors, one of a vendor, a library, what only begins like one, a link."""
    dist = tmp_path_factory.mktemp("built")
    root = dist / TARGET / "payload"
    (root / "_internal").mkdir(parents=True)
    shutil.copy(machos.program(machos.BOOT_LOADER), root / "demo")
    shutil.copy(machos.program(machos.VENDORS), root / "_internal/helper")
    (root / "_internal/lib.dylib").write_bytes(machos.synthetic("dylib"))
    (root / "_internal/Data.class").write_bytes(b"\xca\xfe\xba\xbe\0\0\0\x41 is no program")
    (root / "link").symlink_to("_internal/lib.dylib")
    payload = replace(payloads.payload_of(root), target=TARGET)
    source = SourceRecord(epoch=payloads.EPOCH)
    manifest = Manifest(coldforge="0", product="demo", version="1.0.0", source=source, targets=(recording.record_of(payload),))
    for path, data in {"payload.json": payload, MANIFEST: manifest, f"../{MANIFEST}": manifest}.items():
        (dist / TARGET / path).write_bytes(canonical(data))
    return dist


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.signer("demo", NAME, team=TEAM)
    made.signer("other", "Other Ltd")
    return made


@pytest.fixture
def dist(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "dist", symlinks=True))


def given(authority: Authority, name: str = "demo", *servers: str) -> Given:
    return Given(apple=apple.Asked(key=str(authority.folder / f"{name}.pfx"), passphrase=PASSPHRASE, servers=servers))


def index(dist: Path) -> Payload:
    return read(dist / TARGET / "payload.json", Payload)


def seen(path: Path) -> developer.Seen:
    with path.open("rb") as stream:
        first, *others = codesign.read(stream)
    assert first
    assert all(other and alike(other) == alike(first) for other in others)
    return first


def alike(one: developer.Seen) -> tuple[object, ...]:
    """What the signatures of all architectures have alike."""
    return one.identifier, one.team, one.flags, one.entitlements, one.certificate, one.time


def second_opinions(path: Path, authority: Authority, folder: Path) -> None:
    """apple-platform-py finds nothing wrong with it, and openssl takes it for a signature of a directory by the authority's signer."""
    assert apple_platform.verify_macho(path) == []
    with path.open("rb") as stream:
        regions = codesign.regions(stream)
    for region in regions:
        parts = blobs.parts(region)
        (folder / "about").write_bytes(parts[blobs.DIRECTORY])
        (folder / "cms").write_bytes(parts[blobs.SIGNATURE][8:])
        words: list[str | Path] = [
            "cms",
            "-verify",
            "-binary",
            "-inform",
            "DER",
            "-in",
            folder / "cms",
            "-content",
            folder / "about",
            "-purpose",
            "any",
            "-ignore_critical",  # the mark of a Developer ID, which openssl does not know
        ]
        more: list[str | Path] = ["-CAfile", authority.folder / "ca.pem", "-out", "/dev/null"]
        done = subprocess.run([tool("openssl", "apt-get install openssl"), *words, *more], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_all_code_is_signed_and_three_readers_agree(dist: Path, built: Path, authority: Authority, tmp_path: Path) -> None:
    signing.sign_payloads(dist, given(authority))
    before = {entry.path: entry for entry in index(built).files}
    changed = {entry.path: entry for entry in index(dist).files if entry != before[entry.path]}
    assert sorted(changed) == sorted(CODE)
    for path, entry in changed.items():
        file = dist / TARGET / "payload" / path
        found = seen(file)
        assert (found.name, found.team, found.time) == (NAME, TEAM, payloads.EPOCH)
        assert found.flags == ("runtime",)
        assert b"allow-unsigned-executable-memory" in found.entitlements or path == "_internal/lib.dylib"
        assert not found.entitlements or path != "_internal/lib.dylib"
        assert found.identifier == Path(path).stem
        second_opinions(file, authority, tmp_path)
        assert entry.signature
        assert (entry.signature.key, entry.signature.sha256) == (found.certificate, before[path].sha256)
        assert (entry.sha256, entry.size) == (files.sha256(file), file.stat().st_size)
        assert file.stat().st_mode & 0o777 == (built / TARGET / "payload" / path).stat().st_mode & 0o777
    (record,) = read(dist / MANIFEST, Manifest).targets
    assert (record.payload_digest, sorted(record.signed)) == (index(dist).digest, sorted(CODE))


def test_again_it_is_the_same_and_elsewhere_too(dist: Path, built: Path, authority: Authority, tmp_path: Path) -> None:
    signing.sign_payloads(dist, given(authority))
    once = payloads.snapshot(dist)
    signing.sign_payloads(dist, given(authority))
    assert payloads.snapshot(dist) == once
    shutil.copytree(built, tmp_path / "elsewhere", symlinks=True)
    signing.sign_payloads(tmp_path / "elsewhere", given(authority))
    assert payloads.snapshot(tmp_path / "elsewhere") == once
    with pytest.raises(ConfigurationError, match=r"has another signature already: it is of another certificate, of .*Demo Ltd"):
        signing.sign_payloads(dist, given(authority, "other"))
    assert payloads.snapshot(dist) == once


def test_a_rebuild_gets_the_signatures_back_without_the_key(dist: Path, built: Path, authority: Authority, tmp_path: Path) -> None:
    signing.sign_payloads(dist, given(authority))
    again = tmp_path / "again"
    shutil.copytree(built, again, symlinks=True)
    (record,) = read(dist / MANIFEST, Manifest).targets
    assert signatures.put_back_into_tree(record.signed, again / TARGET).digest == record.payload_digest
    for path in CODE:
        assert (again / TARGET / "payload" / path).read_bytes() == (dist / TARGET / "payload" / path).read_bytes()


@pytest.mark.parametrize("path", CODE)
def test_one_without_the_signature_is_the_same_but_for_that(path: str, dist: Path, built: Path, authority: Authority) -> None:
    signing.sign_payloads(dist, given(authority))
    one, other = ((each / TARGET / "payload" / path).read_bytes() for each in (dist, built))
    assert signatures.same_but_for_signatures(memoryview(one), memoryview(other))
    changed = other[: len(other) // 3] + bytes([other[len(other) // 3] ^ 1]) + other[len(other) // 3 + 1 :]
    assert not signatures.same_but_for_signatures(memoryview(one), memoryview(changed))
    flipped = one[: len(one) // 3] + bytes([one[len(one) // 3] ^ 1]) + one[len(one) // 3 + 1 :]
    with pytest.raises(signed.damage()):
        codesign.read(io.BytesIO(flipped))


def test_without_a_key_what_has_no_signature_gets_one_that_anybody_can_make(dist: Path, built: Path) -> None:
    outcome = coldforge("sign", dist, "--payload", env=environment())
    outcome.succeeded()
    assert "a Mac refuses them when they are downloaded" in outcome.err
    before = {entry.path: entry for entry in index(built).files}
    changed = {entry.path: entry for entry in index(dist).files if entry != before[entry.path]}
    assert sorted(changed) == ["_internal/lib.dylib", "demo"]  # the vendor's stays
    for path, entry in changed.items():
        found = seen(dist / TARGET / "payload" / path)
        assert (found.flags, found.signer) == (("adhoc",), "")
        assert entry.signature
        assert entry.signature.key == "ad hoc"
    once = payloads.snapshot(dist)
    coldforge("sign", dist, "--payload", env=environment()).succeeded()
    assert payloads.snapshot(dist) == once


def test_timestamps_come_from_the_first_server_that_gives_one(dist: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coldforge.host.clock.sleep", lambda _: None)
    with authority.stamping() as server:
        signing.sign_payloads(dist, given(authority, "demo", "http://127.0.0.1:9/", server))
    for path in CODE:
        stamp = seen(dist / TARGET / "payload" / path).timestamp
        assert stamp
        assert stamp.signer == "CN=Demo TSA"


def test_without_a_timestamp_nothing_is_signed(dist: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coldforge.host.clock.sleep", lambda _: None)
    before = {**payloads.snapshot(dist), ".lock": b""}
    with pytest.raises(RemoteFailed, match=r"no timestamp from http://127\.0\.0\.1:9/"):
        signing.sign_payloads(dist, given(authority, "demo", "http://127.0.0.1:9/"))
    assert {**payloads.snapshot(dist), ".lock": b""} == before


def test_a_key_comes_in_pem_and_in_variables(dist: Path, authority: Authority) -> None:
    place = authority.folder / "demo"
    env = {
        **environment(),
        "COLDFORGE_APPLE_KEY": place.with_suffix(".key").read_text(),
        "COLDFORGE_APPLE_CERTIFICATE": place.with_suffix(".pem").read_text(),
        "COLDFORGE_APPLE_TIMESTAMP_SERVERS": "none",
    }
    outcome = coldforge("sign", dist, "--payload", env=env)
    outcome.succeeded()
    assert "PRIVATE" not in outcome.err + outcome.out
    assert seen(dist / TARGET / "payload/demo").name == NAME


def test_what_cannot_sign_says_so_and_leaves_everything(dist: Path, authority: Authority, built: Path) -> None:
    before = {**payloads.snapshot(dist), ".lock": b""}
    place = str(authority.folder / "demo")
    for asked, error, message in (
        (apple.Asked(key=f"{place}.pfx", passphrase="wrong", servers=()), Missing, "cannot be opened"),
        (apple.Asked(key=f"{place}.key", servers=()), ConfigurationError, "without its certificate"),
        (apple.Asked(key="keychain:Demo"), Missing, "codesign is not installed"),
        (apple.Asked(key="!no key", servers=()), Missing, "neither a file nor a key"),
    ):
        with pytest.raises(error, match=message):
            signing.sign_payloads(dist, Given(apple=asked))
        assert {**payloads.snapshot(dist), ".lock": b""} == before
    (dist / TARGET / "payload/demo").write_bytes(b"changed")
    with pytest.raises(Refused, match="demo is not the file that was frozen"):
        signing.sign_payloads(dist, given(authority))
    assert (dist / TARGET / "payload/_internal/helper").read_bytes() == (built / TARGET / "payload/_internal/helper").read_bytes()


@pytest.fixture
def planned(dist: Path, tmp_path: Path) -> Path:
    """The tree, with the plan of an application that is made of it, and the project."""
    product = replace(
        payloads.PRODUCT,
        identifier="org.example.demo",
        license_files=(),
        executables=(Executable(name="demo", entry="demo:main", console=False), Executable(name="helper", entry="demo:main")),
    )
    shutil.move(dist / TARGET / "payload/_internal/helper", dist / TARGET / "payload/helper")
    for name in ("link", "_internal/Data.class"):  # the second is taken for a program by the other reader
        (dist / TARGET / "payload" / name).unlink()
    rights = {"demo": {"com.apple.security.device.camera": True}}
    config = Config(macos=MacosConfig(entitlements=rights))
    matrix = Matrix(targets={TARGET: TargetConfig(formats=("app.tar.gz",), floor="12.0")})
    plan = make_plan(product=product, config=config, source=SourceRecord(epoch=payloads.EPOCH), matrix=matrix, coldforge="0")
    payload = replace(payloads.payload_of(dist / TARGET / "payload"), target=TARGET, freezer="pyinstaller")
    manifest = read(dist / MANIFEST, Manifest)
    whole = canonical(replace(manifest, targets=(recording.record_of(payload),)))
    for path, data in {"plan.json": canonical(plan), f"{TARGET}/payload.json": canonical(payload), MANIFEST: whole}.items():
        (dist / path).write_bytes(data)
    (dist / TARGET / MANIFEST).write_bytes(whole)
    return dist


def bundled(dist: Path) -> Path:
    """The application as it is packaged."""
    plan = read(dist / "plan.json", Plan)
    bundle_target(plan, plan.targets[0], index(dist), project=dist, out=dist, clean=True)
    (artifact,) = plan.targets[0].artifacts
    return dist / TARGET / artifact.name


def test_an_application_is_sealed_by_the_key_and_again_without_it(planned: Path, authority: Authority, tmp_path: Path) -> None:
    unsigned = Path(shutil.copytree(planned, tmp_path / "unsigned", symlinks=True))
    signing.sign_payloads(planned, given(authority), tmp_path)
    once = payloads.snapshot(planned)
    signing.sign_payloads(planned, given(authority), tmp_path)
    assert payloads.snapshot(planned) == once
    archive = bundled(planned)
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "out", filter="tar")
    (app,) = (tmp_path / "out").iterdir()
    contents = app / "Contents"
    code = ("MacOS/demo", "MacOS/helper", "Frameworks/lib.dylib")
    for path in code:
        found = seen(contents / path)
        assert (found.name, found.flags, found.identifier) == (
            NAME, ("runtime",), f"org.example.demo.{Path(path).stem}".replace(".demo.demo", ".demo"),
        )  # fmt: skip
        assert (b"device.camera" in found.entitlements) == (path == "MacOS/demo")
        second_opinions(contents / path, authority, tmp_path)
    main = seen(contents / "MacOS/demo")
    assert main.info == hashlib.sha256((contents / "Info.plist").read_bytes()).digest()
    assert main.resources == hashlib.sha256((contents / "_CodeSignature/CodeResources").read_bytes()).digest()
    theirs = tmp_path / "theirs.app"  # another program that signs, left only the main code and the seal to do
    apple_platform.sign(app, theirs, timestamp_url="none", exclude=["Contents/Frameworks/**", "Contents/MacOS/helper"])
    seals = [plistlib.loads((each / "Contents/_CodeSignature/CodeResources").read_bytes()) for each in (app, theirs)]
    assert seals[0]["files2"] == seals[1]["files2"]

    (record,) = read(planned / MANIFEST, Manifest).targets
    assert bundled(unsigned).read_bytes() != archive.read_bytes()
    signatures.put_back_into_tree(record.signed, unsigned / TARGET)
    assert bundled(unsigned).read_bytes() == archive.read_bytes()


def test_killed_at_any_moment_the_next_run_ends_it(planned: Path, authority: Authority, tmp_path: Path) -> None:
    """Three programs of a tree, and the seal of the application that is made of them."""
    env = {**environment(), "COLDFORGE_APPLE_PASSPHRASE": PASSPHRASE, "COLDFORGE_APPLE_TIMESTAMP_SERVERS": "none"}
    words = ("--payload", "--project", tmp_path, "--apple-key", authority.folder / "demo.pfx")
    (scratch := tmp_path / "killed").mkdir()
    killing.at_every_moment(planned, "sign", *words, env=env, scratch=scratch)
    for path in ("demo", "helper", "_internal/lib.dylib"):
        second_opinions(scratch / "whole" / TARGET / "payload" / path, authority, tmp_path)
    assert read(scratch / "whole" / TARGET / "payload.json", Payload).sealed


def test_a_vendors_real_signature_is_read() -> None:
    found = seen(machos.program(machos.VENDORS))
    assert (found.identifier, found.team, found.flags) == ("sh.astral.uvx", "2DC432GLL2", ("runtime",))
    assert found.issuer == "C=US,O=Apple Inc.,OU=G2,CN=Developer ID Certification Authority"
    assert found.timestamp
    assert found.timestamp.signer.startswith("C=US,O=Apple Inc.,CN=Timestamp Signer")
    (root,) = load_pem_x509_certificates(recipes.find(code.APPLES_ROOT).read_bytes())
    assert root.fingerprint(SHA256()).hex() == "b0b1730ecbc7ff4505142c49f1295e6eda6bcaed7e2c68c5be91b5a11001f024", "as Apple publishes it"
    assert found.doubted(developer.APPLICATION, [root]) == ""
    assert found.doubted(developer.INSTALLER, [root]) == f"{found.signer} is no Developer ID for that"
    fields = inspect(machos.program(machos.VENDORS)).fields
    assert (fields["architecture"], fields["team"], fields["flags"]) == ("aarch64", "2DC432GLL2", "runtime")
    assert fields["timestamp"].endswith(f"by {found.timestamp.signer}")


def test_inspect_tells_of_what_nobody_signed_and_of_what_was_changed(tmp_path: Path) -> None:
    program = machos.program(machos.BOOT_LOADER)
    assert inspect(program).fields["signature"] == "not of every architecture"
    data = bytearray(machos.program(machos.VENDORS).read_bytes())
    data[5000] ^= 1
    (tmp_path / "changed").write_bytes(data)
    assert inspect(tmp_path / "changed").fields["signature"] == "bad: the file was changed after it was signed"


def test_an_application_has_a_ticket_of_its_own_in_what_is_made_of_it(
    planned: Path, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of two rounds: interrupted, gone on with, packaged, and made again without a key and without Apple."""
    unsigned = Path(shutil.copytree(planned, tmp_path / "unsigned", symlinks=True))
    waited: list[float] = []
    monkeypatch.setattr("coldforge.host.clock.sleep", waited.append)
    monkeypatch.setattr("coldforge.host.clock.now", lambda: sum(waited))
    with Notary() as notary:
        for name, value in notary.environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(ConfigurationError, match="the application of macos-aarch64 is not signed"):
            signing.notarize_payloads(planned, {}, tmp_path, minutes=5)
        signing.sign_payloads(planned, given(authority), tmp_path)
        without = bundled(planned).read_bytes()
        notary.statuses = ["In Progress"]
        with pytest.raises(RemoteFailed, match=r"Apple has not decided about demo-macos-aarch64\.zip yet"):
            signing.notarize_payloads(planned, {}, tmp_path, minutes=5)
        assert bundled(planned).read_bytes() == without
        notary.submissions[0].statuses = ["Accepted"]
        signing.notarize_payloads(planned, {}, tmp_path, minutes=5)
        once = payloads.snapshot(planned)
        signing.notarize_payloads(planned, {}, tmp_path, minutes=5)
        signing.sign_payloads(planned, given(authority), tmp_path)
        assert payloads.snapshot(planned) == once
        assert notary.count("begin") == notary.count("upload") == 1

    archive = bundled(planned)
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "out", filter="tar")
    (app,) = (tmp_path / "out").iterdir()
    ticket = app / "Contents/CodeResources"
    main = seen(app / "Contents/MacOS/demo")
    assert ticket.read_bytes() == b"s8ch" + f"ticket of 2/2/{main.cdhash}".encode()
    with zipfile.ZipFile(io.BytesIO(notary.submissions[0].data)) as submitted:
        before = {info.filename.rstrip("/") for info in submitted.infolist()}
    after = {path.relative_to(tmp_path / "out").as_posix() for path in app.rglob("*")} | {app.name}
    assert after - before == {f"{app.name}/Contents/CodeResources"}

    (record,) = read(planned / MANIFEST, Manifest).targets
    signatures.put_back_into_tree(record.signed, unsigned / TARGET, record.notarization)
    assert bundled(unsigned).read_bytes() == archive.read_bytes()

    assert record.notarization
    other = replace(index(planned), notarization=replace(record.notarization, code="2/2/00"))
    (planned / TARGET / "payload.json").write_bytes(canonical(other))
    with pytest.raises(ConfigurationError, match="has changed since Apple accepted it"):
        bundled(planned)
