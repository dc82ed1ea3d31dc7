"""The seal of a bundle of macOS (`_CodeSignature/CodeResources`): digests of all in it besides its main code, which is signed with it.

Sources: Technical Note TN2206 and libsecurity_codesigning/lib/{resources,bundlediskrep}.cpp of Security; the rules are those of `codesign`.
"""

from __future__ import annotations

import plistlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

FILE: Final = "_CodeSignature/CodeResources"
INFO: Final = "Info.plist"
# What is not sealed: the seal, and the ticket of a notarization.
_APART: Final = re.compile(r"_CodeSignature/|CodeResources$|_MASReceipt/")
_LOCALE: Final = {
    r"^Resources/.*\.lproj/": {"optional": True, "weight": 1000.0},
    r"^Resources/.*\.lproj/locversion.plist$": {"omit": True, "weight": 1100.0},
    r"^Resources/Base\.lproj/": {"weight": 1010.0},
}
RULES: Final[Mapping[str, Any]] = {"^Resources/": True, "^version.plist$": True, **_LOCALE}
_NESTED: Final = "^(Frameworks|SharedFrameworks|PlugIns|Plug-ins|XPCServices|Helpers|MacOS|Library/(Automator|Spotlight|LoginItems))/"
RULES2: Final[Mapping[str, Any]] = {
    r".*\.dSYM($|/)": {"weight": 11.0},
    r"^(.*/)?\.DS_Store$": {"omit": True, "weight": 2000.0},
    _NESTED: {"nested": True, "weight": 10.0},
    "^.*": True,
    r"^Info\.plist$": {"omit": True, "weight": 20.0},
    r"^PkgInfo$": {"omit": True, "weight": 20.0},
    "^Resources/": {"weight": 20.0},
    "^[^/]+$": {"nested": True, "weight": 10.0},
    r"^embedded\.provisionprofile$": {"weight": 20.0},
    r"^version\.plist$": {"weight": 20.0},
    **_LOCALE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file, link or bundle in a bundle, by its path there: what a link says, or the digests of a file; for code what stands for it."""

    path: str
    link: str = ""
    sha1: bytes = b""
    sha256: bytes = b""
    cdhash: bytes = b""
    requirement: str = ""


def resources(parts: Iterable[Part]) -> bytes:
    """The seal of an application's `Contents`, or of a version of a framework; the main code is not among the parts.

    Raises ValueError for a file in a place that code signing wants code in.
    """
    known = sorted((part for part in parts if not _APART.match(part.path)), key=lambda part: part.path)
    first = {part.path: made for part in known if (made := _first(part))}
    second = {part.path: made for part in known if (made := _second(part))}
    whole = {"files": first, "files2": second, "rules": dict(RULES), "rules2": dict(RULES2)}
    return plistlib.dumps(whole, sort_keys=True)


def _first(part: Part) -> Any:
    """The entry of the first kind: files by SHA-1, for systems before 10.9."""
    rule = _rule(part.path, RULES)
    if part.link or part.cdhash or rule is None or rule.get("omit"):
        return None
    return {"hash": part.sha1, "optional": True} if rule.get("optional") else part.sha1


def _second(part: Part) -> dict[str, Any] | None:
    rule = _rule(part.path, RULES2) or {}
    if rule.get("omit"):
        return None
    optional = {"optional": True} if rule.get("optional") else {}
    if part.link:
        return {"symlink": part.link, **optional}
    if rule.get("nested"):
        if not part.cdhash:
            raise ValueError(f"{part.path} is no code, and lies where code signing wants some")
        return {"cdhash": part.cdhash, "requirement": part.requirement}
    return {"hash2": part.sha256, **optional}


def _rule(path: str, rules: Mapping[str, Any]) -> dict[str, Any] | None:
    """The rule with the most weight that a path falls under."""
    found = [value if isinstance(value, dict) else {} for rule, value in rules.items() if re.search(rule, path)]
    return max(found, key=lambda value: float(value.get("weight", 1)), default=None)


def changed(data: bytes, parts: Iterable[Part]) -> Iterator[str]:
    """What is not as a seal says: paths of a bundle. Raises ValueError for what is no seal."""
    found = plistlib.loads(data)
    now = plistlib.loads(resources(parts))
    for kind in ("files", "files2"):
        before, after = found.get(kind, {}), now[kind]
        yield from sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
