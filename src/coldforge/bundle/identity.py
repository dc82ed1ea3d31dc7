"""What the world calls a part of a payload: package URLs, CPE names, hashes and licences, for the bill of materials."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from coldforge.records import Component, Environment
from coldforge.target import Target

if TYPE_CHECKING:
    from cyclonedx.model import HashType
    from cyclonedx.model.license import License
    from packageurl import PackageURL

# The package format and the namespace of a system, by the first word of what it calls itself (os-release's PRETTY_NAME).
_SYSTEMS: Final = {
    "debian": ("deb", "debian"), "ubuntu": ("deb", "ubuntu"), "fedora": ("rpm", "fedora"), "almalinux": ("rpm", "almalinux"),
    "rocky": ("rpm", "rocky"), "centos": ("rpm", "centos"), "red": ("rpm", "redhat"), "opensuse": ("rpm", "opensuse"),
    "alpine": ("apk", "alpine"),
}  # fmt: skip
SHA256: Final = re.compile(r"[0-9a-f]{64}")
_LONGEST: Final = 200  # characters of a licence that is a name; what is longer is a text


def purl(part: Component, environment: Environment, target: Target) -> PackageURL:
    """The package URL of a part. Source: https://github.com/package-url/purl-spec

    >>> from coldforge.records import Interpreter
    >>> interpreter = Interpreter(version="3.11.7", build="", sha256="")
    >>> inside = Environment(interpreter=interpreter, distributions=(), freezer_distributions=(), lock="", lock_sha256="", workshop="host",
    ...     system="Debian GNU/Linux 12 (bookworm)")
    >>> str(purl(Component(kind="system", name="zlib1g", version="1:1.2.13-1"), inside, Target("linux", "x86_64")))
    'pkg:deb/debian/zlib1g@1:1.2.13-1?arch=amd64&distro=debian-12'
    """
    from packageurl import PackageURL

    if part.kind in ("distribution", "freezer"):
        return PackageURL(type="pypi", name=part.name, version=part.version)
    kind, namespace = _SYSTEMS.get((environment.system.split() or [""])[0].lower(), ("generic", ""))
    if part.kind != "system" or kind == "generic":
        return PackageURL(type="generic", name=part.name, version=part.version)
    number = re.search(r"\d+(?:\.\d+)?", environment.system)
    arch = target.debian_arch if kind == "deb" else target.arch
    qualifiers = {"arch": arch} | ({"distro": f"{namespace}-{number[0]}"} if number else {})
    return PackageURL(type=kind, namespace=namespace, name=part.name, version=part.version, qualifiers=qualifiers)


def cpe(part: Component) -> str | None:
    """The name in the vulnerability database of the one part that no package URL leads to: Python itself."""
    return f"cpe:2.3:a:python:python:{part.version}:*:*:*:*:*:*:*" if part.kind == "python" else None


def locked(part: Component, environment: Environment) -> tuple[str, ...]:
    """The digests that the lock allows for a distribution, as `algorithm:hex`."""
    known = (*environment.distributions, *environment.freezer_distributions) if part.kind in ("distribution", "freezer") else ()
    return next((dist.hashes for dist in known if (dist.name, dist.version) == (part.name, part.version)), ())


def hashes(part: Component, environment: Environment) -> Iterator[HashType]:
    """The digest of the part as a whole: of the one file that the lock allows, of Python's library or executable."""
    found = locked(part, environment)
    python = environment.interpreter.sha256 if environment.interpreter and part.kind == "python" else ""
    digest = found[0].removeprefix("sha256:") if len(found) == 1 else python
    if SHA256.fullmatch(digest):
        yield sha256(digest)


def sha256(digest: str) -> HashType:
    """A SHA-256 in the words of CycloneDX."""
    from cyclonedx.model import HashAlgorithm, HashType

    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


def licences(text: str) -> Iterator[License]:
    """A licence as SPDX knows it, an expression of them, or the name that its author gave it."""
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model.license import LicenseAcknowledgement

    line = " ".join(text.split())
    if line and len(line) <= _LONGEST:
        yield LicenseFactory().make_from_string(line, license_acknowledgement=LicenseAcknowledgement.DECLARED)


def all_of(texts: Iterable[str]) -> Iterator[License]:
    """Several licences; an expression may only stand alone, so that it is a name among others."""
    from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression

    found = [licence for text in texts for licence in licences(text)]
    for licence in found:
        yield DisjunctiveLicense(name=licence.value) if isinstance(licence, LicenseExpression) and len(found) > 1 else licence
