"""App packages for Windows, signed: read by osslsigncode too; and without a key, the released bytes again. Nothing here installs one."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge import signing
from coldforge.bundle.windows import appx
from coldforge.errors import ConfigurationError
from coldforge.filetypes import authenticode, msix
from coldforge.host import files
from coldforge.project.windows import WindowsConfig
from coldforge.rebuild import rows
from coldforge.records import MANIFEST, Artifact, Manifest, SourceRecord, TargetRecord, canonical, read
from coldforge.verify import code
from coldforge.verify.policy import Policy
from coldforge.verify.verdict import Row
from support import exe, payloads
from support.authority import Authority, pem, second_opinion
from support.program import coldforge, environment
from support.releases import ENVIRONMENT

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, own_cache: None) -> Path:
    """A release of one app package, not signed, with a part that counts as large."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(appx, "LARGE", 1 << 20)
        found, _ = exe.bundled(tmp_path_factory.mktemp("msix"), config=WindowsConfig(msix_publisher="CN=Demo Ltd"), formats=("msix",))
    dist, path = found["msix"].parents[1], found["msix"]
    made = Artifact(
        name=path.name,
        path=f"{exe.TARGET}/{path.name}",
        target=exe.TARGET,
        format="msix",
        size=path.stat().st_size,
        sha256=files.sha256(path),
    )
    record = TargetRecord(
        target=exe.TARGET, freezer="pyinstaller", payload_digest="d", payload_size=1, environment=ENVIRONMENT, artifacts=(made,)
    )
    manifest = Manifest(coldforge="0", product="demo", version="1.2.0", source=SourceRecord(epoch=payloads.EPOCH), targets=(record,))
    shutil.rmtree(dist / exe.TARGET / "payload")
    for place in (dist / MANIFEST, dist / exe.TARGET / MANIFEST):
        place.write_bytes(canonical(manifest))
    return dist


@pytest.fixture
def dist(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built, tmp_path / "dist")
    return tmp_path / "dist"


def artifact(dist: Path) -> Artifact:
    (found,) = read(dist / MANIFEST, Manifest).artifacts
    return found


def test_it_is_signed_and_two_readers_agree(dist: Path, built: Path, authority: Authority) -> None:
    signing.sign_release(dist, pem(authority))
    made, before = artifact(dist), artifact(built)
    path = dist / made.path
    assert "Subject: /CN=Demo Ltd" in second_opinion(path, authority)
    with path.open("rb") as stream, (built / before.path).open("rb") as plain:
        found = authenticode.read(stream, believed=(authority.certificate,))
        assert authenticode.digest(stream) == authenticode.digest(plain)
        layout = msix.layout(stream)
    assert found
    assert (found.signer, found.time, found.chain) == ("CN=Demo Ltd", payloads.EPOCH, "")
    assert made.signature
    assert (made.signature.sha256, made.signature.size, made.sha256) == (before.sha256, before.size, files.sha256(path))
    assert layout
    assert layout.signature
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[-1] == msix.SIGNATURE
        assert len({info.date_time for info in archive.infolist()}) == 1
        assert archive.getinfo("demo.exe").extract_version == 45, "it has fields of 64 bits"
    row = Row(name=made.name, word="ok", sha256="d")
    policy = Policy(code_signer="Demo Ltd", code_root=(authority.folder / "ca.pem").read_text())
    assert code.judged(row, path, policy) == row
    assert code.judged(row, built / before.path, policy).word == "unsigned"


def test_osslsigncode_writes_the_same_but_for_its_clock(dist: Path, built: Path, authority: Authority, tmp_path: Path) -> None:
    """Byte for byte, besides the time in the two records of the signature, which it takes from the machine."""
    signing.sign_release(dist, pem(authority))
    folder, theirs = authority.folder, tmp_path / "theirs.msix"
    words: list[str | Path] = ["sign", "-certs", folder / "demo.pem", "-key", folder / "demo.key", "-time", str(payloads.EPOCH)]
    subprocess.run(["osslsigncode", *words, "-in", built / artifact(built).path, "-out", theirs], check=True, capture_output=True)
    ours, other = (dist / artifact(dist).path).read_bytes(), theirs.read_bytes()
    assert len(ours) == len(other)
    with (dist / artifact(dist).path).open("rb") as stream:
        layout = msix.layout(stream)
    assert layout
    assert layout.signature
    assert ours[: layout.signature.start] == other[: layout.signature.start]
    assert sum(one != two for one, two in zip(ours, other, strict=True)) <= 2 * 4 + 2


def test_again_it_is_the_same_and_a_rebuild_has_the_released_bytes(dist: Path, built: Path, authority: Authority, tmp_path: Path) -> None:
    signing.sign_release(dist, pem(authority))
    once = payloads.snapshot(dist)
    signing.sign_release(dist, pem(authority))
    assert payloads.snapshot(dist) == once
    recorded, rebuilt, out = artifact(dist), artifact(built), tmp_path / "again"
    shutil.copytree(built, out)
    assert rows.artifact_row(recorded, rebuilt, dist=dist, out=out).word == "identical"
    assert (out / rebuilt.path).read_bytes() == (dist / recorded.path).read_bytes()
    shutil.copytree(built, out, dirs_exist_ok=True)
    assert rows.artifact_row(replace(recorded, signature=None), rebuilt, dist=dist, out=out).word == "identical but for signatures"
    data = bytearray((built / rebuilt.path).read_bytes())
    data[len(data) // 2] ^= 1
    (out / rebuilt.path).write_bytes(data)
    changed = replace(rebuilt, sha256=files.sha256(out / rebuilt.path))
    assert rows.artifact_row(recorded, changed, dist=dist, out=out).word == "differs"


def test_a_changed_byte_is_found_and_what_hides_beside_the_signature_too(dist: Path, authority: Authority) -> None:
    signing.sign_release(dist, pem(authority))
    path = dist / artifact(dist).path
    whole = path.read_bytes()
    with path.open("rb") as stream:
        layout = msix.layout(stream)
    assert layout
    assert layout.signature
    middle, start = len(whole) // 2, layout.signature.start
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    with path.open("rb") as stream, pytest.raises(ValueError, match="the file was changed after it was signed"):
        authenticode.read(stream)
    coldforge("inspect", path, env=environment()).failed(2, "it is damaged")
    path.write_bytes(whole[:start] + b"hidden" + whole[start:])
    with path.open("rb") as stream, pytest.raises(ValueError, match="more in it than its directory tells"):
        authenticode.read(stream)
    path.write_bytes(whole)
    told = json.loads(coldforge("inspect", path, "--json", env=environment()).succeeded().out)
    assert (told["kind"], told["fields"]["publisher"], told["fields"]["signed by"]) == ("msix", "CN=Demo Ltd", "CN=Demo Ltd")


def test_a_signer_that_is_not_its_publisher_is_refused(dist: Path, authority: Authority) -> None:
    authority.signer("other", "Other Ltd")
    before = {**payloads.snapshot(dist), ".lock": b""}
    with pytest.raises(ConfigurationError, match="is not of whoever signs it"):
        signing.sign_release(dist, pem(authority, "other"))
    assert {**payloads.snapshot(dist), ".lock": b""} == before
