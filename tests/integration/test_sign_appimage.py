"""An AppImage with a signature in its runtime, and the file that updaters read: checked by gpg, binutils and zsync themselves."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge import signing
from coldforge.bundle.stage import bundle_target
from coldforge.errors import ConfigurationError
from coldforge.host import cache, files
from coldforge.inspect.look import inspect
from coldforge.project.config import AppImageConfig, Config
from coldforge.rebuild import rows, signatures
from coldforge.records import MANIFEST, Artifact, Manifest, Payload, read
from coldforge.sign.keys import Given
from support import packaged, payloads, runtimes
from support.require import tool
from support.serving import serving

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("own_cache")]
VERSION = "1.0.0"
CONFIG = Config(appimage=AppImageConfig(update="zsync|https://host.example/demo.AppImage.zsync"))
PRODUCT = replace(payloads.PRODUCT, version=VERSION)
FORMATS = ("appimage", "zsync")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release that is not signed."""
    tool("mksquashfs", "apt-get install squashfs-tools")
    tool("zsyncmake", "apt-get install zsync")
    folder = tmp_path_factory.mktemp("built")
    runtimes.pin(folder, runtimes.compiled(folder))
    return packaged.release(folder, VERSION, formats=FORMATS, config=CONFIG)


@pytest.fixture(scope="module", params=["ed25519", "rsa4096"])
def key(request: pytest.FixtureRequest) -> packaged.Made:
    tool("gpg", "apt-get install gnupg")
    return packaged.key(request.param)


@pytest.fixture
def dist(built: Path, key: packaged.Made, tmp_path: Path) -> Path:
    """The same release, signed, in its project."""
    shutil.copytree(built.parent, tmp_path / "project", symlinks=True)
    signing.sign_release(tmp_path / "project/dist", Given(openpgp=key.private))
    return tmp_path / "project/dist"


def artifacts(dist: Path) -> dict[str, Artifact]:
    """What the manifest says, by format."""
    return {artifact.format: artifact for artifact in read(dist / MANIFEST, Manifest).artifacts}


def image_of(dist: Path) -> Path:
    return dist / artifacts(dist)["appimage"].path


def again(dist: Path, *formats: str, clean: bool = False) -> dict[str, Artifact]:
    """Bundle once more in the same folder; what there is then, by format."""
    plan, _ = payloads.make(dist.parent.parent / "again", PRODUCT, CONFIG)
    payload = read(dist / payloads.TARGET / "payload.json", Payload)
    asked = [artifact.name for artifact in plan.targets[0].artifacts if artifact.format in formats]
    made = bundle_target(plan, plan.targets[0], payload, project=dist.parent, out=dist, asked=asked, clean=clean)
    shutil.rmtree(dist.parent.parent / "again")
    return {artifact.format: artifact for artifact in made}


def places(image: Path) -> dict[str, tuple[int, int]]:
    """Where binutils find the sections, and how long they are."""
    said = subprocess.run([tool("objdump", "apt-get install binutils"), "-h", image], capture_output=True, text=True, check=True).stdout
    lines = (line.split() for line in said.splitlines())
    return {words[1]: (int(words[5], 16), int(words[2], 16)) for words in lines if len(words) == 7 and words[1].startswith(".s")}


def test_gpg_accepts_the_signature_of_the_digest(dist: Path, built: Path, key: packaged.Made, tmp_path: Path) -> None:
    image, found = image_of(dist), places(image_of(dist))
    data = bytearray(image.read_bytes())
    texts = {}
    for name in (".sha256_sig", ".sig_key"):
        start, size = found[name]
        texts[name] = bytes(data[start : start + size]).rstrip(b"\0")
        data[start : start + size] = bytes(size)
    assert bytes(data) == image_of(built).read_bytes(), "without both it is what was built"
    (tmp_path / "digest").write_text(hashlib.sha256(data).hexdigest())
    (tmp_path / "digest.asc").write_bytes(texts[".sha256_sig"])
    with packaged.keyring() as home:
        packaged.gpg(home, "--import", stdin=texts[".sig_key"])
        said = packaged.gpg(home, "--status-fd", "1", "--verify", tmp_path / "digest.asc", tmp_path / "digest")
        assert f"VALIDSIG {key.fingerprint} 2023-11-14 {payloads.EPOCH} " in said
        (tmp_path / "digest").write_text("0" * 64)
        with pytest.raises(subprocess.CalledProcessError):
            packaged.gpg(home, "--verify", tmp_path / "digest.asc", tmp_path / "digest")
    assert subprocess.run([image], capture_output=True, text=True, check=True).stdout == "it runs\n"
    assert inspect(image).fields["signatures"] == "OpenPGP, embedded"


def test_the_manifest_knows_both(dist: Path, built: Path, key: packaged.Made) -> None:
    before, after = artifacts(built), artifacts(dist)
    signature = after["appimage"].signature
    assert signature is not None
    assert (signature.key, signature.sha256) == (key.fingerprint, before["appimage"].sha256)
    for artifact in after.values():
        assert artifact.sha256 == files.sha256(dist / artifact.path) != before[artifact.format].sha256
    whole = payloads.snapshot(dist)
    signing.sign_release(dist, Given(openpgp=key.private))
    assert payloads.snapshot(dist) == whole, "signing again is the same"


@pytest.mark.parametrize("signed", [False, True])
def test_an_updater_makes_the_released_file_of_an_older_one(signed: bool, dist: Path, built: Path, tmp_path: Path) -> None:
    """zsync over the loopback, from the other of both: it fetches the runtime's changed blocks and no more."""
    newer, older = (image_of(dist), image_of(built)) if signed else (image_of(built), image_of(dist))
    shutil.copy(older, tmp_path / "old")
    content = {f"/{newer.name}": newer.read_bytes(), "/x.zsync": newer.with_name(f"{newer.name}.zsync").read_bytes()}
    with serving(content) as (address, asked):
        words = [tool("zsync", "apt-get install zsync"), "-i", "old", "-o", "new", f"{address}/x.zsync"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new").read_bytes() == newer.read_bytes()
    parts = [tuple(map(int, text.split()[1].partition("/")[0].split("-"))) for text in asked if text.startswith("bytes ")]
    fetched = sum(last - first + 1 for first, last in parts)
    assert 0 < fetched <= (runtimes.SIGNED + runtimes.KEYED) * 2 < newer.stat().st_size


def test_whoever_builds_it_again_has_the_released_bytes(dist: Path, built: Path, tmp_path: Path) -> None:
    """Both files: the signature is put back, without the key, and then the sums are made of the signed one."""
    recorded, rebuilt = artifacts(dist), artifacts(built)
    out = tmp_path / "out"
    shutil.copytree(built, out)
    unknown = rows.artifact_row(replace(recorded["appimage"], signature=None), rebuilt["appimage"], dist=dist, out=out)
    assert unknown.word == "identical but for signatures"
    for form in FORMATS:
        made = rebuilt[form] if form == "appimage" else signatures.about_signed(rebuilt[form], out, payloads.EPOCH)
        assert rows.artifact_row(recorded[form], made, dist=dist, out=out).word == "identical"
        assert (out / made.path).read_bytes() == (dist / made.path).read_bytes()
    assert (out / rebuilt["appimage"].path).stat().st_mode & 0o777 == 0o755


def test_what_is_built_later_keeps_what_is_signed_and_the_sums_are_always_of_what_lies_there(dist: Path, built: Path) -> None:
    signed, plain = artifacts(dist), artifacts(built)
    assert again(dist, *FORMATS) == signed
    (dist / signed["zsync"].path).unlink()
    assert again(dist, *FORMATS) == signed, "the sums were made again of the signed file"
    assert again(dist, "appimage", clean=True) == plain, "the sums follow though nobody asked for them"
    with cache.apart(dist.parent / "cache"):
        (dist / plain["appimage"].path).unlink()
        assert again(dist, "zsync") == plain


def test_a_runtime_without_room_is_refused_before_anything_is_changed(key: packaged.Made, tmp_path: Path) -> None:
    runtimes.pin(tmp_path, runtimes.by_hand(keyed=64))
    dist = packaged.release(tmp_path, VERSION, formats=FORMATS, config=CONFIG)
    before = payloads.snapshot(dist)
    with pytest.raises(ConfigurationError, match=r"is no appimage that could be signed") as caught:
        signing.sign_release(dist, Given(openpgp=key.private))
    assert "has 63 bytes of room in .sig_key" in caught.value.why
    assert {**payloads.snapshot(dist), ".lock": b""} == {**before, ".lock": b""}
