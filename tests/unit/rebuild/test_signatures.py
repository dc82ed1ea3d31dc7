"""Only what is known to be a signature is taken away, and nothing that a file is made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge.host import files
from coldforge.rebuild import rows
from coldforge.rebuild.signatures import put_back_into_carried, same_but_for_signatures
from coldforge.records import Artifact, Carried, Signature
from support.containers import ar, zipped

DEB = {"debian-binary": b"2.0\n", "control.tar.gz": b"odd", "data.tar.zst": b"data"}
SIGNED = {**DEB, "_gpgorigin": b"signature"}


def same(one: bytes, other: bytes) -> bool:
    answers = {same_but_for_signatures(memoryview(a), memoryview(b)) for a, b in ((one, other), (other, one))}
    (answer,) = answers  # it does not depend on which is which
    return answer


@pytest.mark.parametrize(
    "members",
    [SIGNED, {**SIGNED, "_gpgbuilder": b"another"}, {"debian-binary": b"2.0\n", "_gpgorigin": b"1", **DEB}],
)
def test_a_signed_package_is_the_same_as_the_unsigned_one(members: Mapping[str, bytes]) -> None:
    assert same(ar(members), ar(DEB))
    assert same(ar(members), ar({**DEB, "_gpgorigin": b"by somebody else"}))


@pytest.mark.parametrize(
    "members",
    [
        {**SIGNED, "data.tar.zst": b"DATA"},
        {**SIGNED, "_other": b""},
        {**SIGNED, "gpgorigin": b""},
        {**SIGNED, "_gpg/x": b""},
        {"debian-binary": b"2.0\n", "data.tar.zst": b"data", "_gpgorigin": b"x"},
        DEB,
    ],
)
def test_nothing_else_is_taken_away(members: Mapping[str, bytes]) -> None:
    assert not same(ar(members), ar(DEB))


def test_other_formats_have_no_signatures_inside() -> None:
    assert not same(zipped(SIGNED), zipped(DEB))
    assert not same(ar(SIGNED)[:-3], ar(DEB))
    assert not same(b"", b"")


@pytest.mark.parametrize(
    ("recorded", "word"), [("signed", "identical but for signatures"), ("plain", "identical but for signatures"), ("x", "differs")]
)
def test_a_row_says_so_only_of_the_file_that_the_manifest_is_about(recorded: str, word: str, tmp_path: Path) -> None:
    texts = {"signed": ar(SIGNED), "plain": ar(DEB), "x": b"x"}
    for folder, name in (("dist", "signed"), ("out", "plain"), ("recorded", recorded)):
        files.write(tmp_path / folder / "t" / "a.deb", texts[name])
    made = [
        Artifact(name="a.deb", path="t/a.deb", target="t", format="deb", size=1, sha256=files.sha256(tmp_path / folder / "t" / "a.deb"))
        for folder in ("recorded", "out")
    ]
    assert rows.artifact_row(*made, dist=tmp_path / "dist", out=tmp_path / "out").word == word


@pytest.mark.parametrize("data", ["", "!", "MAA="])
def test_a_signature_that_is_none_leaves_a_carried_program_as_it_was_made(data: str, tmp_path: Path) -> None:
    path = tmp_path / "carried" / "nsis" / "uninstall.exe"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"MZ")
    made = Carried(path="nsis/uninstall.exe", key="k", size=2, sha256=files.sha256(path))
    recorded = replace(made, size=9, sha256="9", signature=Signature(key="c", size=2, sha256=made.sha256, data=data))
    assert put_back_into_carried([recorded], [made], tmp_path) == (made,)
    assert path.read_bytes() == b"MZ"


def test_no_record_leads_out_of_the_folder_of_what_is_carried() -> None:
    for path in ("../x", "nsis/../x", "/x", "nsis/a/b", "x", "nsis/.hidden"):
        with pytest.raises(ValueError, match="cannot be the path"):
            Carried(path=path, key="", size=0, sha256="")
