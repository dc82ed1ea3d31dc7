"""What one job hands to the next arrives as it was, or not at all."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import msgspec
import pytest

from coldforge import parts
from coldforge.errors import ColdforgeError, ConfigurationError, Refused
from coldforge.records import MANIFEST, Artifact, Environment, Manifest, Smoke, SourceRecord, TargetRecord, canonical, read

ENVIRONMENT = Environment(workshop="host")
ARTIFACT = Artifact(
    name="demo.deb", path="linux-x86_64/demo.deb", target="linux-x86_64", format="deb", size=3, sha256="a" * 64, tool="coldforge 0", key="k"
)
RECORD = TargetRecord(
    target="linux-x86_64", freezer="pyinstaller", payload_digest="b" * 64, payload_size=1, environment=ENVIRONMENT, artifacts=(ARTIFACT,)
)
RELEASE = Manifest(coldforge="0", product="demo", version="1", source=SourceRecord(epoch=1), targets=(RECORD,))


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A folder with a frozen tree and an artifact of one target."""
    folder = tmp_path / "dist"
    tree = folder / "linux-x86_64" / "payload" / "lib"
    (tree / "empty").mkdir(parents=True)
    (tree / "prögram").write_bytes(b"\x7fELF")
    (tree / "prögram").chmod(0o755)
    (tree / "link").symlink_to("prögram")
    (folder / "linux-x86_64" / "demo.deb").write_bytes(b"deb")
    for path in (folder, folder / "linux-x86_64"):
        (path / MANIFEST).write_bytes(canonical(RELEASE))
    (folder / "SHA256SUMS").write_bytes(b"")
    (folder / ".lock").touch()
    return folder


def listing(folder: Path) -> dict[str, object]:
    """Every path of a folder with its mode and what it holds; the locks of coldforge itself are not of it."""
    return {
        path.relative_to(folder).as_posix(): path.readlink()
        if path.is_symlink()
        else (path.stat().st_mode, path.is_file() and path.read_bytes())
        for path in folder.rglob("*")
        if path.name != ".lock"
    }


def test_a_tree_arrives_with_its_modes_links_and_empty_folders(dist: Path, tmp_path: Path) -> None:
    digest = parts.pack(dist, tmp_path / "p.tar")
    parts.unpack(tmp_path / "p.tar", tmp_path / "there", sha256=digest)
    assert listing(tmp_path / "there") == listing(dist)


def test_the_same_folder_elsewhere_gives_the_same_part(dist: Path, tmp_path: Path) -> None:
    first = parts.pack(dist, tmp_path / "p.tar")
    parts.unpack(tmp_path / "p.tar", tmp_path / "there", sha256=first)
    (tmp_path / "there" / "linux-x86_64" / "demo.deb").chmod(0o600)
    assert parts.pack(tmp_path / "there", tmp_path / "q.tar") == first


def test_a_target_alone_is_only_that(dist: Path, tmp_path: Path) -> None:
    digest = parts.pack(dist, tmp_path / "p.tar", targets=["linux-x86_64"], trees=False)
    parts.unpack(tmp_path / "p.tar", tmp_path / "there", sha256=digest)
    found = set(listing(tmp_path / "there"))
    assert {name for name in found if "/" in name} == {"linux-x86_64/demo.deb", "linux-x86_64/manifest.json"}
    assert read(tmp_path / "there" / MANIFEST, Manifest) == RELEASE  # for whoever goes on without the project


def test_targets_that_were_made_apart_become_one_release(dist: Path, tmp_path: Path) -> None:
    other = msgspec.structs.replace(RECORD, target="macos-aarch64", artifacts=())
    (tmp_path / "mac" / "macos-aarch64").mkdir(parents=True)
    (tmp_path / "mac" / "macos-aarch64" / MANIFEST).write_bytes(canonical(msgspec.structs.replace(RELEASE, targets=(other,))))
    for source, target in ((dist, "linux-x86_64"), (tmp_path / "mac", "macos-aarch64")):
        digest = parts.pack(source, tmp_path / f"{target}.tar", targets=[target])
        parts.unpack(tmp_path / f"{target}.tar", tmp_path / "there", sha256=digest)
    assert [record.target for record in read(tmp_path / "there" / MANIFEST, Manifest).targets] == ["linux-x86_64", "macos-aarch64"]


def test_targets_of_two_releases_are_not_joined(dist: Path, tmp_path: Path) -> None:
    (tmp_path / "old" / "macos-aarch64").mkdir(parents=True)
    stale = msgspec.structs.replace(RELEASE, version="0", targets=(msgspec.structs.replace(RECORD, target="macos-aarch64", artifacts=()),))
    (tmp_path / "old" / "macos-aarch64" / MANIFEST).write_bytes(canonical(stale))
    digest = parts.pack(tmp_path / "old", tmp_path / "p.tar", targets=["macos-aarch64"])
    with pytest.raises(ConfigurationError, match="not of one release"):
        parts.unpack(tmp_path / "p.tar", dist, sha256=digest)


def test_a_tree_replaces_the_one_that_was_there(dist: Path, tmp_path: Path) -> None:
    digest = parts.pack(dist, tmp_path / "p.tar")
    there = tmp_path / "there"
    (there / "linux-x86_64" / "payload").mkdir(parents=True)
    (there / "linux-x86_64" / "payload" / "old").touch()
    (there / "kept").touch()
    parts.unpack(tmp_path / "p.tar", there, sha256=digest)
    assert set(listing(there)) - set(listing(dist)) == {"kept"}


def test_a_part_that_was_replaced_is_refused_and_nothing_of_it_is_taken(dist: Path, tmp_path: Path) -> None:
    digest = parts.pack(dist, tmp_path / "p.tar")
    (tmp_path / "p.tar").write_bytes((tmp_path / "p.tar").read_bytes().replace(b"\x7fELF", b"EVIL"))
    with pytest.raises(Refused, match="not what the earlier job made"):
        parts.unpack(tmp_path / "p.tar", tmp_path / "there", sha256=digest)
    assert not listing(tmp_path / "there")


def hostile(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        tar.addfile(info)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"no tar", hostile("../out"), hostile("/out"), hostile("dist/l", tarfile.SYMTYPE, "/etc"), hostile("dist/d", tarfile.CHRTYPE)],
    ids=["no tar", "above", "absolute", "link", "device"],
)
def test_what_is_not_safe_to_unpack_is_refused(tmp_path: Path, content: bytes) -> None:
    import hashlib

    (tmp_path / "p.tar").write_bytes(content)
    with pytest.raises(Refused):
        parts.unpack(tmp_path / "p.tar", tmp_path / "there", sha256=hashlib.sha256(content).hexdigest())
    assert not listing(tmp_path / "there")


def proof(tmp_path: Path, record: TargetRecord) -> tuple[Path, str]:
    """What a job that ran the product leaves: its record, and whatever else it likes."""
    folder = tmp_path / "proof" / "linux-x86_64"
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_bytes(canonical(msgspec.structs.replace(RELEASE, targets=(record,))))
    (folder / "demo.deb").write_bytes(b"evil")
    return tmp_path / "s.tar", parts.pack(folder.parent, tmp_path / "s.tar", targets=["linux-x86_64"])


def test_what_was_proven_is_recorded_and_nothing_else_is_taken(dist: Path, tmp_path: Path) -> None:
    smoke = Smoke(unproven=("no engine",))
    part, digest = proof(tmp_path, msgspec.structs.replace(RECORD, smoke=smoke))
    parts.unpack(part, dist, sha256=digest, only_smoke=True)
    assert read(dist / MANIFEST, Manifest).targets == (msgspec.structs.replace(RECORD, smoke=smoke),)
    assert read(dist / "linux-x86_64" / MANIFEST, Manifest).targets[0].smoke == smoke
    assert (dist / "linux-x86_64" / "demo.deb").read_bytes() == b"deb"


def test_a_proof_of_other_artifacts_is_refused(dist: Path, tmp_path: Path) -> None:
    other = msgspec.structs.replace(RECORD, artifacts=(msgspec.structs.replace(ARTIFACT, sha256="c" * 64),), smoke=Smoke(unproven=("x",)))
    part, digest = proof(tmp_path, other)
    with pytest.raises(Refused, match="not what was packaged"):
        parts.unpack(part, dist, sha256=digest, only_smoke=True)
    assert read(dist / MANIFEST, Manifest) == RELEASE


@pytest.mark.parametrize("only_smoke", [False, True])
@pytest.mark.parametrize("where", ["folder", "file", "record"])
def test_a_part_speaks_for_its_own_target_only(dist: Path, tmp_path: Path, where: str, *, only_smoke: bool) -> None:
    before = listing(dist)
    made = tmp_path / "made"
    other = msgspec.structs.replace(RECORD, target="macos-aarch64", artifacts=())
    told = msgspec.structs.replace(RELEASE, targets=(RECORD, other) if where == "record" else (RECORD,))
    (made / "linux-x86_64").mkdir(parents=True)
    (made / "linux-x86_64" / MANIFEST).write_bytes(canonical(told))
    if where == "file":
        (made / MANIFEST).write_bytes(canonical(RELEASE))
    if where == "folder":
        (made / "macos-aarch64").mkdir()
        (made / "macos-aarch64" / MANIFEST).write_bytes(canonical(RELEASE))
    digest = parts.pack(made, tmp_path / "p.tar", targets=[] if where == "file" else [path.name for path in made.iterdir()])
    with pytest.raises(Refused, match="not of linux-x86_64 alone"):
        parts.unpack(tmp_path / "p.tar", dist, sha256=digest, target="linux-x86_64", only_smoke=only_smoke)
    assert listing(dist) == before


def test_what_cannot_be_packed_or_taken_is_explained(dist: Path, tmp_path: Path) -> None:
    for attempt in (
        lambda: parts.pack(tmp_path, tmp_path / "p.tar"),
        lambda: parts.pack(dist, tmp_path / "p.tar", targets=["macos-aarch64"]),
        lambda: parts.pack(dist, dist / "p.tar"),
        lambda: parts.unpack(tmp_path / "none.tar", dist, sha256=""),
    ):
        with pytest.raises(ColdforgeError) as caught:
            attempt()
        assert isinstance(caught.value, ConfigurationError)
        assert caught.value.hint
