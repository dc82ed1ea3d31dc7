"""Who signed code, an image or a package for macOS, and what the signature says: the same for all of them, wherever it lies.

Source: https://developer.apple.com/documentation/technotes/tn3127-inside-code-signing-requirements, for how Apple marks certificates.
"""

from __future__ import annotations

import hashlib
import plistlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from dataclasses import fields as fields_of
from typing import TYPE_CHECKING, Any, Final

from coldforge.filetypes import blobs, cms, der

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

TIMESTAMP: Final = "1.2.840.113549.1.9.16.2.14"
_HASHES: Final = "1.2.840.113635.100.9.1"
# What Apple marks a Developer ID with, and what it lets it be used for: of programs and images, and of packages.
APPLICATION: Final = ("1.2.840.113635.100.6.1.13", cms.CODE)
AUTHORITY: Final = "1.2.840.113635.100.6.2.6"  # of what issues both
INSTALLER: Final = ("1.2.840.113635.100.6.1.14", "1.2.840.113635.100.4.13")


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who made a signature, by which certificate (sha256), and when; all of it empty for one that anybody can make (ad hoc).

    `unit` is Apple's name for the team; `found` and `stamp` are the signature and its timestamp themselves.
    """

    signer: str = ""
    name: str = ""
    unit: str = ""
    issuer: str = ""
    certificate: str = ""
    time: int | None = None
    timestamp: cms.Stamped | None = None
    found: cms.Signed | None = field(default=None, repr=False, compare=False)
    stamp: tuple[cms.Signed, int] | None = field(default=None, repr=False, compare=False)

    def is_by(self, wanted: str) -> bool:
        """Whether the signer is called so: by the team in the certificate, by common name, or by the whole subject."""
        return bool(self.signer) and wanted in (self.unit, self.name, self.signer)

    def doubted(self, kind: tuple[str, str], apples: Sequence[Certificate], own: Sequence[Certificate] = ()) -> str:
        """Why it is not believed that this is a Developer ID of a kind; empty when it is.

        `apples` roots vouch for it, or those of one's `own` instead; timestamps of Apple's servers are believed in both cases.
        """
        if self.found is None:
            return "nobody has signed it"
        mark, purpose = kind
        if not cms.has_extension(self.found.signer, mark):
            return f"{self.signer} is no Developer ID for that"
        issuer = "" if own else AUTHORITY
        if reason := cms.chain(self.found, self.stamp, own or apples, (*own, *apples), self.time, purpose=purpose, mark=issuer):
            return reason
        # without one the time is what the signer says: whoever has an expired key would choose it
        return "" if own or self.stamp else f"{self.signer}: it has no timestamp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(By):
    """The signature of one architecture, or of an image, whose bytes are those of the file: who made it, and of what.

    `info` and `resources` are the digests of the bundle's Info.plist and seal (sha256), where it is the code of one; `requirement` tells
    which code is taken for the same.
    """

    identifier: str
    team: str
    flags: tuple[str, ...]
    cdhash: str
    requirement: bytes
    entitlements: bytes
    info: bytes
    resources: bytes


def by(found: cms.Signed) -> By:
    """Whose a signature is that has been checked. Raises ValueError, KeyError when its timestamp is of another, or makes no sense."""
    if found.behind.strip(b"\0") or set(found.unsigned) - {TIMESTAMP}:
        raise ValueError("there is more in its signature than one")
    stamp = cms.stamp_of(found, TIMESTAMP, cms.WEAK)
    signer = found.signer
    return By(
        signer=signer.subject.rfc4514_string(),
        name=cms.common_name(signer),
        unit=cms.unit(signer),
        issuer=signer.issuer.rfc4514_string(),
        certificate=hashlib.sha256(cms.encoded(signer)).hexdigest(),
        time=cms.time_of(found.signed[cms.SIGNING_TIME]) if cms.SIGNING_TIME in found.signed else None,
        timestamp=cms.Stamped(time=stamp[1], signer=stamp[0].signer.subject.rfc4514_string()) if stamp else None,
        found=found,
        stamp=stamp,
    )


def said(listed: Sequence[blobs.Directory], found: Mapping[int, bytes]) -> Seen:
    """What a signature says, by its directories, the first one first, and its parts; that they are about the file was seen before.

    Raises ValueError when nobody has signed that.
    """
    first, best = listed[0], max(listed, key=lambda each: (each.width, each.algorithm))
    if any((each.identifier, each.team, each.flags) != (first.identifier, first.team, first.flags) for each in listed):
        raise ValueError("its signature says one thing here and another there")
    seen = Seen(
        identifier=first.identifier,
        team=first.team,
        flags=first.flags,
        cdhash=best.cdhash.hex(),
        requirement=found.get(blobs.REQUIREMENTS, b""),
        entitlements=found.get(blobs.ENTITLEMENTS, b"")[8:],
        info=blobs.special(best, blobs.INFO),
        resources=blobs.special(best, blobs.RESOURCES),
    )
    data = found.get(blobs.SIGNATURE, b"")[8:]
    if data:
        who = _by(data, listed)
        return replace(seen, **{each.name: getattr(who, each.name) for each in fields_of(By)})
    if "adhoc" not in first.flags:
        raise ValueError("nobody has signed it, and it does not say so")
    return seen


def _by(data: bytes, listed: Sequence[blobs.Directory]) -> By:
    """Who made a signature; `data` is CMS about the first directory, and names all of them."""
    signature = cms.Signed(data, listed[0].data)
    signature.check()
    if len(listed) > 1 or _HASHES in signature.signed:
        named = plist(signature.signed[_HASHES].of(der.OCTETS).bytes).get("cdhashes")
        if named != [each.cdhash for each in listed]:
            raise ValueError("its signature is about other digests than there are")
    return by(signature)


def plist(data: bytes) -> dict[str, Any]:
    """A property list of names. Raises ValueError for what is none."""
    try:
        found = plistlib.loads(data)
    except Exception as error:  # the library raises whatever its parsers do, and none of it is documented
        raise ValueError(f"a property list in its signature is damaged: {error}") from error
    if not isinstance(found, dict):
        raise ValueError("a property list in its signature is none of names")  # noqa: TRY004  # damage, as all that is read here
    return found


def fields(found: Sequence[Seen | None]) -> dict[str, str]:
    """The signatures of a file's architectures in the words of `inspect`: all of them say the same, or one has none."""
    if None in found or not found:
        return {"signature": "not of every architecture" if any(found) else "none"}
    one = next(seen for seen in found if seen)
    about = {"identifier": one.identifier, "team": one.team, "flags": " ".join(one.flags), "cdhash": " ".join(s.cdhash for s in found if s)}
    rights = plist(one.entitlements) if one.entitlements else {}
    about |= {"entitlements": " ".join(sorted(rights))}
    return {**made_by(one), **about} if one.signer else {"signature": "ad hoc: by nobody", **about}


def made_by(one: By) -> dict[str, str]:
    """Whose a signature is, in the words of `inspect`."""
    from coldforge.host.clock import iso

    stamp = one.timestamp
    return {
        "signed by": one.signer,
        "issued by": one.issuer,
        "signed at": iso(one.time) if one.time is not None else "",
        "timestamp": f"{iso(stamp.time)} by {stamp.signer}" if stamp else "none",
    }
