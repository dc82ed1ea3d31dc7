"""Whom a Developer ID leads to, and when: by certificates of the test's own, in place of Apple's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from coldforge.filetypes import cms, developer
from coldforge.filetypes.developer import APPLICATION, AUTHORITY, By, plist

CODE, STAMPS = ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.TIME_STAMPING
IN_2014, IN_2026 = (int(datetime(year, 6, 1, tzinfo=UTC).timestamp()) for year in (2014, 2026))


@dataclass(frozen=True)
class One:
    """A certificate with its key, to issue others."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def mark(name: str) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(name), b"\x05\x00")


def made(called: str, above: One | None = None, *extensions: x509.ExtensionType, until: int = 2035) -> One:
    """A certificate of a new key; without another above it vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, called)])
    issuer = above.certificate.subject if above else name
    since, end = datetime(2006, 1, 1, tzinfo=UTC), datetime(until, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(issuer, name, key.public_key(), x509.random_serial_number(), since, end)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return One(builder.sign(above.key if above else key, SHA256()), key)


def authority(length: int | None = None) -> x509.BasicConstraints:
    return x509.BasicConstraints(ca=True, path_length=length)


@dataclass(frozen=True)
class Found:
    """What `doubted` asks of a signature: the signer, and the certificates that it brings."""

    signer: x509.Certificate
    brought: Sequence[One] = ()
    certificates: list[bytes] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "certificates", [one.certificate.public_bytes(Encoding.DER) for one in self.brought])


ROOT = made("root", None, authority())
APPLES = made("Developer ID authority", ROOT, authority(0), mark(AUTHORITY))
STAMPER: Any = Found(made("stamps", ROOT, x509.ExtendedKeyUsage([STAMPS])).certificate)
USE = (x509.ExtendedKeyUsage([CODE]), mark(APPLICATION[0]))


def doubt(signer: One, *above: One, time: int = IN_2014, stamped: bool = True, own: Sequence[One] = ()) -> str:
    found: Any = Found(signer.certificate, above)
    by = By(signer="CN=demo", time=time, found=found, stamp=(STAMPER, time) if stamped else None)
    return by.doubted(APPLICATION, [ROOT.certificate], [one.certificate for one in own])


def test_what_apples_authority_issued_is_believed_while_it_was_valid() -> None:
    signer = made("demo", APPLES, *USE, until=2015)
    assert doubt(signer, APPLES) == ""
    assert "was not valid at that time" in doubt(signer, APPLES, time=IN_2026)
    assert "has issued it" in doubt(signer)


def test_who_has_an_expired_key_cannot_choose_the_time() -> None:
    signer = made("demo", APPLES, *USE, until=2015)
    assert doubt(signer, APPLES, stamped=False) == "CN=demo: it has no timestamp"


def test_not_every_authority_below_the_root_issues_developer_ids() -> None:
    other = made("another authority", ROOT, authority())
    assert "has issued it" in doubt(made("demo", other, *USE), other)
    below = made("an authority that may not be one", APPLES, authority(), mark(AUTHORITY))
    assert "has issued it" in doubt(made("demo", below, *USE), below, APPLES)
    assert "is no Developer ID for that" in doubt(made("demo", APPLES, USE[0]), APPLES)


def test_roots_of_ones_own_vouch_alone_and_apples_timestamps_hold_with_them() -> None:
    own = made("own", None, authority())
    signer = made("demo", own, *USE)
    assert doubt(signer, own=[own]) == ""
    assert doubt(signer, stamped=False, own=[own]) == ""
    assert "has issued it" in doubt(made("demo", APPLES, *USE), APPLES, own=[own])
    assert "has issued it" in doubt(signer)


@pytest.mark.parametrize("data", [b'<?xml version="1.0"?><plist><dict>', b"<plist><array/></plist>", b"bplist00", b"\xff", b""], ids=repr)
def test_a_damaged_property_list_is_damage(data: bytes) -> None:
    with pytest.raises(ValueError, match="a property list in its signature"):
        plist(data)


def test_names_that_no_library_knows_are_no_reason_to_stop() -> None:
    names = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), bytes.fromhex("3004a3023000"))
    odd = made("odd", APPLES, *USE, names)
    assert not cms.has_extension(odd.certificate, developer.APPLICATION[0])
    assert doubt(odd, APPLES)
