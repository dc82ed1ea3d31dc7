"""Signatures of Mach-O files, as data: out of a file, into it again, and every changed byte found."""

from __future__ import annotations

import hashlib
import io
import plistlib
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from coldforge.errors import BuildFailed
from coldforge.filetypes import apple, blobs, codesign, developer, signed, spans
from support import machos

ABOUT = apple.About(identifier="org.example.demo")


@pytest.fixture
def fat(tmp_path: Path) -> bytes:
    """One file for two processors."""
    from apple_platform.macho import create_universal

    for machine in ("aarch64", "x86_64"):
        (tmp_path / machine).write_bytes(machos.synthetic(machine=machine))
    create_universal([tmp_path / "x86_64", tmp_path / "aarch64"], tmp_path / "fat")
    return (tmp_path / "fat").read_bytes()


def made(data: bytes, folder: Path, about: apple.About = ABOUT) -> bytes:
    (folder / "plain").write_bytes(data)
    return apple.signature(folder / "plain", about)


def attached(data: bytes, signature: bytes) -> bytes:
    stream = io.BytesIO(data)
    return b"".join(spans.pieces(stream, codesign.attached(stream, signature)))


def sealed(data: bytes, folder: Path, about: apple.About = ABOUT) -> bytes:
    return attached(data, made(data, folder, about))


def digest(data: bytes) -> str:
    return codesign.digest(io.BytesIO(data))


def seen(data: bytes) -> developer.Seen:
    first, *others = codesign.read(io.BytesIO(data))
    assert first
    assert all(other and (other.identifier, other.flags) == (first.identifier, first.flags) for other in others)
    return first


@pytest.mark.parametrize("kind", ["executable", "dylib"])
def test_what_a_signature_says_is_read_back(kind: str, tmp_path: Path) -> None:
    rights = b'<?xml version="1.0"?><plist version="1.0"><dict><key>com.apple.security.cs.allow-jit</key><true/></dict></plist>'
    about = replace(ABOUT, runtime=True, entitlements=rights, info=b"<plist/>", resources=b"<plist>2</plist>")
    found = seen(sealed(machos.synthetic(kind), tmp_path, about))
    assert (found.identifier, found.flags, found.signer) == (ABOUT.identifier, ("adhoc", "runtime"), "")
    assert plistlib.loads(found.entitlements) == {"com.apple.security.cs.allow-jit": True}
    assert (found.info, found.resources) == tuple(hashlib.sha256(data).digest() for data in (b"<plist/>", b"<plist>2</plist>"))


def test_a_signature_goes_into_whatever_the_file_was_signed_with(fat: bytes, tmp_path: Path) -> None:
    for plain in (machos.synthetic(), fat):
        one, other = made(plain, tmp_path), made(plain, tmp_path, replace(ABOUT, identifier="somebody.else", runtime=True))
        whole = attached(plain, one)
        assert codesign.detached(io.BytesIO(whole)) == one
        assert attached(attached(plain, other), one) == attached(whole, one) == whole
        assert seen(whole).identifier == "org.example.demo"
        assert digest(plain) == digest(whole) == digest(attached(plain, other))


def test_what_is_left_without_a_signature_is_a_file_that_has_none_and_the_same_digest(fat: bytes, tmp_path: Path) -> None:
    for plain in (machos.synthetic(), fat):
        stream = io.BytesIO(sealed(plain, tmp_path))
        found = signed.unsigned(stream)
        left = b"".join(spans.pieces(stream, found.spans))
        assert found.was_signed
        assert signed.unsigned(io.BytesIO(left)).was_signed is False
        assert digest(left) == digest(plain)
        assert attached(left, codesign.detached(stream)) == stream.getvalue()


def test_every_changed_byte_is_found(fat: bytes, tmp_path: Path) -> None:
    for data in (sealed(machos.synthetic(), tmp_path, replace(ABOUT, runtime=True)), sealed(fat, tmp_path)):
        before = codesign.read(io.BytesIO(data))
        for place in range(0, len(data), 29):
            other = data[:place] + bytes([data[place] ^ 0x40]) + data[place + 1 :]
            try:
                assert codesign.read(io.BytesIO(other)) != before, place
            except signed.damage():
                continue


def test_a_file_that_is_cut_off_is_damaged_and_nothing_worse(fat: bytes, tmp_path: Path) -> None:
    for data in (sealed(machos.synthetic(), tmp_path), sealed(fat, tmp_path)):
        for end in range(4, len(data), 101):
            with pytest.raises(signed.damage()):
                codesign.read(io.BytesIO(data[:end]))


def test_a_signature_that_is_damaged_goes_nowhere(tmp_path: Path) -> None:
    plain = machos.synthetic()
    whole = made(plain, tmp_path)
    for end in range(0, len(whole), 7):
        with pytest.raises(signed.damage()):
            attached(plain, whole[:end])
    with pytest.raises(ValueError, match="more architectures"):
        attached(plain, whole + whole)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data + b"\0more", "behind"),
        (lambda data: data[:-1] + b"!", "in the place of its signature is none"),
    ],
)
def test_nothing_hides_behind_a_signature(change: object, reason: str, tmp_path: Path) -> None:
    data = sealed(machos.synthetic(), tmp_path)
    with pytest.raises(ValueError, match=reason):
        digest(change(data))  # type: ignore[operator]  # one of the above


def test_nothing_hides_between_architectures(fat: bytes, tmp_path: Path) -> None:
    data = bytearray(sealed(fat, tmp_path))
    assert not data[100]
    data[100] = 1
    with pytest.raises(ValueError, match="between its architectures"):
        digest(bytes(data))


def test_a_part_of_no_known_kind_is_no_part_of_a_signature(tmp_path: Path) -> None:
    data = sealed(machos.synthetic(), tmp_path)
    region = data[data.index(struct.pack(">I", 0xFADE0CC0)) :]
    (number,) = struct.unpack_from(">I", region, 8)
    assert number >= 2
    strange = region[:20] + struct.pack(">I", 77) + region[24:]
    with pytest.raises(ValueError, match="more in its signature than one"):
        blobs.parts(strange)


def test_a_class_of_java_is_no_program() -> None:
    data = b"\xca\xfe\xba\xbe\0\0\0\x41" + b"class"
    found = signed.unsigned(io.BytesIO(data))
    assert (found.was_signed, found.spans) == (False, (spans.Span(0, len(data)),))


def test_what_is_no_program_cannot_be_signed(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="plain cannot be signed"):
        made(b"no program", tmp_path)
