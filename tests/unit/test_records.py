"""Records: equal values are equal bytes, and come back as they went."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.errors import ConfigurationError
from coldforge.records import (
    DETACHED,
    Artifact,
    FileEntry,
    Manifest,
    Origin,
    Payload,
    SourceRecord,
    TargetRecord,
    canonical,
    decode,
    merge,
    released_files,
    schema_of,
    sums,
)
from support.releases import ENVIRONMENT

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
origins = st.builds(Origin, kind=st.sampled_from(["application", "distribution", "python", "system", "freezer"]), name=texts, version=texts)
entries = st.builds(
    FileEntry,
    path=texts,
    kind=st.sampled_from(["executable", "library", "extension", "data", "link", "directory"]),
    mode=st.sampled_from([0o644, 0o755]),
    size=st.integers(0, 2**40),
    sha256=texts,
    link=texts,
    origin=origins,
)


@given(st.lists(entries, max_size=5))
def test_a_payload_comes_back_from_its_bytes(files: list[FileEntry]) -> None:
    payload = Payload(target="linux-x86_64", freezer="pyinstaller", key="k", files=tuple(files), environment=ENVIRONMENT)
    assert decode(canonical(payload), Payload, "memory") == payload


@given(st.dictionaries(texts, texts))
def test_canonical_bytes_do_not_depend_on_order(table: dict[str, str]) -> None:
    assert canonical(dict(reversed(table.items()))) == canonical(table)
    assert canonical(table).endswith(b"\n")


def target(name: str, *artifacts: str) -> TargetRecord:
    made = tuple(Artifact(name=a, path=f"{name}/{a}", target=name, format="deb", size=1, sha256="0" * 64) for a in artifacts)
    return TargetRecord(
        target=name, freezer="pyinstaller", payload_digest="d", payload_size=1, environment=ENVIRONMENT, artifacts=made
    )  # fmt: skip


def manifest(*targets: TargetRecord, version: str = "1.0") -> Manifest:
    return Manifest(coldforge="0", product="demo", version=version, source=SourceRecord(epoch=1), targets=targets)


def test_manifests_of_one_release_merge_in_any_order() -> None:
    one, two = manifest(target("linux-x86_64", "b.deb")), manifest(target("linux-aarch64", "a.deb"))
    assert merge([one, two]) == merge([two, one])
    assert [artifact.name for artifact in merge([one, two]).artifacts] == ["a.deb", "b.deb"]


def test_the_later_record_of_a_target_wins() -> None:
    merged = merge([manifest(target("linux-x86_64", "old.deb")), manifest(target("linux-x86_64", "new.deb"))])
    assert [artifact.name for artifact in merged.artifacts] == ["new.deb"]


def test_manifests_of_two_releases_do_not_merge() -> None:
    with pytest.raises(ConfigurationError, match="not of one release") as caught:
        merge([manifest(target("linux-x86_64")), manifest(target("linux-aarch64"), version="2.0")])
    assert "linux-aarch64" in str(caught.value.problems[0])


def test_a_release_is_its_artifacts_the_manifest_and_the_sums() -> None:
    assert released_files(manifest(target("linux-x86_64", "b.deb", "a.deb"))) == ("a.deb", "b.deb", "manifest.json", "SHA256SUMS")


def test_sums_are_sorted_and_readable_by_sha256sum() -> None:
    assert sums({"b": "2" * 64, "a": "1" * 64}) == f"{'1' * 64}  a\n{'2' * 64}  b\n".encode()


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b'{"schema":1,"unknown":2}'])
def test_what_is_no_manifest_is_told(data: bytes) -> None:
    with pytest.raises(ConfigurationError, match="manifest that this coldforge can read"):
        decode(data, Manifest, "x.json")


def test_schemas_refuse_unknown_keys() -> None:
    document = schema_of(Manifest)
    assert document["$defs"]["Manifest"]["additionalProperties"] is False
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"nonsense": 1}', type=Manifest)


NO_NAMES = ["", "../../evil", "a/b", "a\\b", "C:evil", ".hidden", "-rf", "a b", "a\n", "ü.deb", "manifest.json", "a.deb.sigstore.json"]


def artifact(name: str, path: str) -> bytes:
    return canonical({"name": name, "path": path, "target": "t", "format": "deb", "size": 1, "sha256": "0" * 64})


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_no_build_makes_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="can read") as caught:
        decode(artifact(name, f"linux-x86_64/{name}"), Artifact, "x.json")
    assert "artifact" in caught.value.why


@pytest.mark.parametrize("path", ["", "/etc/a.deb", "../a.deb", "x/../a.deb", "x//a.deb", "./a.deb", "x/b.deb", "x\\a.deb", "x/a.deb/"])
def test_a_path_that_leaves_the_folder_is_refused(path: str) -> None:
    with pytest.raises(ConfigurationError, match="can read"):
        decode(artifact("a.deb", path), Artifact, "x.json")


@pytest.mark.parametrize("name", ["demo_1.0.0~beta.1-1_amd64.deb", "demo_1.0+post.1-1_amd64.deb", "_tool", "Demo-1.0-setup.exe"])
def test_names_that_builds_make_are_read(name: str) -> None:
    assert decode(artifact(name, f"linux-x86_64/{name}"), Artifact, "x.json").name == name


@pytest.mark.parametrize("twin", ["a.deb", "A.deb"])
def test_two_artifacts_of_one_name_are_refused(twin: str) -> None:
    one, two = manifest(target("linux-x86_64", "a.deb")), manifest(target("linux-aarch64", twin))
    document = {**msgspec.to_builtins(one), "targets": msgspec.to_builtins((one.targets[0], two.targets[0]))}
    with pytest.raises(ConfigurationError, match="can read") as caught:
        decode(canonical(document), Manifest, "x.json")
    assert "a.deb" in caught.value.why


def test_an_artifact_is_of_the_target_that_it_is_recorded_for() -> None:
    """What must be stated of an artifact, and who must have rebuilt it, goes by its target: it has one."""
    (record,) = manifest(target("linux-x86_64", "a.deb")).targets
    elsewhere = msgspec.structs.replace(record.artifacts[0], target="macos-aarch64")
    with pytest.raises(ValueError, match=r"a\.deb: recorded for linux-x86_64, and said to be of another target"):
        manifest(msgspec.structs.replace(record, artifacts=(elsewhere,)))
    with pytest.raises(ValueError, match="two records of one target"):
        manifest(record, msgspec.structs.replace(record, artifacts=()))


def test_only_a_signature_of_what_is_there_is_one() -> None:
    """What is called a signature needs no rebuilders, and no package manager's key: nothing else may be called so."""

    def artifact(name: str, form: str) -> Artifact:
        return Artifact(name=name, path=f"linux-x86_64/{name}", target="linux-x86_64", format=form, size=1, sha256="0" * 64)

    def manifest(*artifacts: Artifact) -> Manifest:
        record = TargetRecord(
            target="linux-x86_64", freezer="p", payload_digest="d", payload_size=1, environment=ENVIRONMENT, artifacts=artifacts
        )
        return Manifest(coldforge="0", product="demo", version="1", source=SourceRecord(epoch=1), targets=(record,))

    package = artifact("demo.pkg.tar.zst", "arch")
    assert manifest(package, artifact("demo.pkg.tar.zst.sig", DETACHED)).artifacts[0] == package
    with pytest.raises(ValueError, match="cannot be the name of a signature"):
        artifact("demo_1_amd64.deb", DETACHED)
    with pytest.raises(ValueError, match=r"demo\.run: there is a signature of it, and no such artifact"):
        manifest(package, artifact("demo.run.sig", DETACHED))
