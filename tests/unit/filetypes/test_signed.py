"""Signatures are put in and taken out, and nothing else is taken for one."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

import pytest

from coldforge.filetypes import gzips, rpm, signed, spans
from support import runtimes
from support.containers import ar, tar

RSA = b"\x89\x00\x10\x04\x00\x01" + b"r" * 13
EDDSA = b"\x88\x10\x04\x00\x16" + b"e" * 13
DEB = ar({"debian-binary": b"2.0\n", "control.tar.gz": b"odd", "data.tar.zst": b"data!"})
MORE = bytes(1024)  # what ends a tar, which goes on in the next stream of an apk


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def apk(*parts: bytes) -> bytes:
    return b"".join(map(packed, parts))


def segment(members: Mapping[str, bytes], **facts: object) -> bytes:
    """A tar without an end."""
    return tar(members, **facts).rstrip(b"\0").ljust(512 * 2, b"\0")[: 512 * 2 * len(members)]


def below(folder: bytes, member: bytes) -> bytes:
    """A member of a tar in a folder that stands in the prefix of its name (ustar)."""
    return member[:345] + folder.ljust(155, b"\0") + member[500:]


def package(entries: dict[int, rpm.Entry]) -> bytes:
    first = rpm.header(entries, 62)
    return rpm.MAGIC.ljust(rpm.LEAD, b"\0") + first + bytes(-len(first) % 8) + OWN + b"payload"


OWN = rpm.header({1000: rpm.Entry(6, 1, b"demo\0")}, 63)
SUMS = {273: rpm.Entry(6, 1, b"sum\0"), 1004: rpm.Entry(7, 16, b"m" * 16)}
RPM = package(SUMS)
APK = apk(segment({".PKGINFO": b"pkgname = demo\n"}), tar({"usr/bin/demo": b"x"}))
IMAGE = runtimes.by_hand() + b"hsqs and so on"
TEXTS = b"-----BEGIN PGP SIGNATURE-----\nx\n-----END PGP SIGNATURE-----\n", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\ny\n"
SIGNATURE = packed(segment({".SIGN.RSA256.key": b"s" * 256}))


def plain(data: bytes) -> tuple[bytes, bool]:
    stream = io.BytesIO(data)
    found = signed.unsigned(stream)
    return b"".join(spans.pieces(stream, found.spans)), found.was_signed


@pytest.mark.parametrize(
    ("form", "data", "signature"), [("deb", DEB, EDDSA), ("deb", DEB, RSA), ("rpm", RPM, RSA), ("rpm", RPM, EDDSA), ("apk", APK, SIGNATURE)]
)
def test_what_is_put_in_comes_out(form: str, data: bytes, signature: bytes, tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(data)
    signed.put(tmp_path / "plain", form, signature, tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    assert signature in whole
    assert plain(whole) == (data, True)
    assert plain(data) == (data, False)
    spans = signed.what_is_signed(tmp_path / "plain", form)
    about = b"".join(data[span.start : span.end] for span in spans)
    control = APK[: APK.index(b"\x1f\x8b", 2)]
    assert about == {"deb": b"2.0\nodddata!", "rpm": OWN, "apk": control}[form]


def test_an_appimage_has_texts_in_its_runtime_and_is_signed_by_its_digest(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(IMAGE)
    signed.put(tmp_path / "plain", "appimage", b"".join(TEXTS), tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    sign, key = 64 + runtimes.ROOM, 64 + runtimes.ROOM + runtimes.SIGNED
    assert whole[sign:].startswith(TEXTS[0] + b"\0")
    assert whole[key:].startswith(TEXTS[1] + b"\0")
    assert plain(whole) == (IMAGE, True)
    assert plain(IMAGE) == (IMAGE, False)
    (about,) = signed.what_is_signed(tmp_path / "plain", "appimage")
    assert about.instead == hashlib.sha256(IMAGE).hexdigest().encode()
    signed.put(tmp_path / "whole", "appimage", b"other" + TEXTS[1], tmp_path / "again")
    assert plain((tmp_path / "again").read_bytes()) == (IMAGE, True)
    assert (tmp_path / "again").read_bytes()[sign:key].rstrip(b"\0") == b"other"
    assert plain(b"\x7fELF" + IMAGE[4:8] + bytes(3) + IMAGE[11:])[1] is False, "a program is no AppImage"


@pytest.mark.parametrize(
    ("runtime", "words"),
    [
        (runtimes.by_hand(signed=len(TEXTS[0])), r"has \d+ bytes of room in .sha256_sig"),
        (runtimes.by_hand(keyed=9), "has 8 bytes of room in .sig_key"),
        (runtimes.by_hand().replace(b".sig_key", b".sig_not"), "has 0 bytes of room in .sig_key"),
    ],
)
def test_what_a_runtime_has_no_room_for_is_refused(runtime: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(runtime)
    with pytest.raises(ValueError, match=words):
        signed.put(tmp_path / "plain", "appimage", b"".join(TEXTS), tmp_path / "whole")


def test_sections_that_overlap_are_no_place_for_a_signature() -> None:
    data = bytearray(IMAGE)
    table = 64 + runtimes.ROOM + runtimes.SIGNED + runtimes.KEYED + len(b"\0.upd_info\0.sha256_sig\0.sig_key\0.shstrtab\0")
    place = table + 3 * 64 + 24  # where the third section, the key's, begins
    data[place : place + 8] = (64 + runtimes.ROOM + 1).to_bytes(8, "little")
    with pytest.raises(ValueError, match="overlap"):
        plain(bytes(data))


@pytest.mark.parametrize(("signature", "tag"), [(RSA, 268), (EDDSA, 267)])
def test_an_rpm_has_it_where_its_kind_belongs(signature: bytes, tag: int, tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(RPM)
    signed.put(tmp_path / "plain", "rpm", signature, tmp_path / "whole")
    with (tmp_path / "whole").open("rb") as stream:
        signatures, header = rpm.headers(stream)
    assert signatures.entries == {**SUMS, tag: rpm.Entry(7, len(signature), signature)}
    assert header.start % 8 == 0


@pytest.mark.parametrize(
    "first",
    [
        segment({".SIGN.RSA256.key": b"s", "usr/bin/demo": b"evil"}),
        segment({"usr/bin/demo": b"evil", ".SIGN.RSA256.key": b"s"}),
        segment({".SIGN.RSA256.key": b"s"}, type=b"2", linkname="/etc/shadow"),
        segment({".SIGN.x/../usr/bin/demo": b"evil"}),
        below(b"usr/bin", segment({".SIGN.RSA256.key": b"evil"})),
        segment({".SIGN.RSA256.key": b"s" * 5000})[:1024],
        segment({".SIGN.RSA256.key": b"s"}) + b"more",
        tar({f".SIGN.{n}": b"s" * 4096 for n in range(8)}),
        b"",
        b".SIGN.",
    ],
)  # fmt: skip
def test_a_stream_with_anything_else_in_it_is_no_signature(first: bytes) -> None:
    data = packed(first) + APK
    assert plain(data) == (data, False)


def test_of_other_files_nothing_is_taken_away() -> None:
    for data in (b"", b"x", b"PK\3\4 whatever", b"\x7fELF" + bytes(200)):
        assert plain(data) == (data, False)


@pytest.mark.parametrize("data", [DEB, RPM, APK])
def test_what_is_cut_off_is_told_or_as_it_is(data: bytes) -> None:
    for size in range(9, len(data)):
        try:
            found = plain(data[:size])
        except signed.damage():
            continue
        assert found == (data[:size], False)


def test_where_streams_end() -> None:
    data = apk(b"one", b"two" * 100_000) + b"tail"
    stream = io.BytesIO(data)
    first = gzips.stream_at(stream, 0)
    second = gzips.stream_at(stream, first.end)
    assert (first.head, first.size) == (b"one", 3)
    assert (second.head, second.size) == ((b"two" * 100_000)[: gzips.HEAD], 300_000)
    assert data[second.end :] == b"tail"
    with pytest.raises(EOFError):
        gzips.stream_at(io.BytesIO(data[: second.end - 9]), first.end)
