"""Scoop: one JSON file in a bucket, for the portable program.

Source: https://github.com/ScoopInstaller/Scoop/wiki/App-Manifests and the schema there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from coldforge.bundle.windows import shared as windows
from coldforge.records import SUMS
from coldforge.shops import SHA256, WEB, Offer, arch, checked

Processor = Literal["64bit", "arm64"]
_PROCESSORS: Final[Mapping[str, Processor]] = {"x86_64": "64bit", "aarch64": "arm64"}
Url = Annotated[str, Meta(pattern=WEB)]
Fixed = Annotated[str, Meta(pattern=r"^https://[^\s$]+$")]  # a dollar sign would begin a variable
Text = Annotated[str, Meta(min_length=1)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    pass


class Licence(_Part, frozen=True, kw_only=True):
    """The SPDX identifier, and the text."""

    identifier: Text
    url: Url | Literal[""] = ""


class Download(_Part, frozen=True, kw_only=True):
    """The file for one processor."""

    url: Fixed
    hash: Annotated[str, Meta(pattern=SHA256)]
    extract_dir: Text


class Newer(_Part, frozen=True, kw_only=True):
    """The file of a later version, with `$version` in its place."""

    url: Url
    extract_dir: Text


class Sums(_Part, frozen=True, kw_only=True):
    """Where the digests of a later version are."""

    url: Annotated[str, Meta(pattern=r"\$baseurl")]


class Update(_Part, frozen=True, kw_only=True):
    """How the bucket's robot writes the next version."""

    architecture: Mapping[Processor, Newer]
    hash: Sums


class Look(_Part, frozen=True, kw_only=True):
    """Where the bucket's robot looks for the next version."""

    github: Url
    regex: str = ""


class App(_Part, frozen=True, kw_only=True):
    """The file."""

    version: Annotated[str, Meta(pattern=r"^[\w.+-]+$")]
    description: Text
    homepage: Url
    license: Licence
    architecture: Annotated[Mapping[Processor, Download], Meta(min_length=1)]
    bin: tuple[Text, ...] = ()
    shortcuts: tuple[tuple[Text, Text], ...] = ()
    checkver: Look | None = None
    autoupdate: Update | None = None


class Scoop:
    """Tells of the zip: what Scoop installs, it unpacks."""

    name = "scoop"
    system = "windows"
    formats: tuple[str, ...] = ("zip",)

    def files(self, offer: Offer) -> Mapping[str, bytes]:
        product = offer.plan.product
        file = f"bucket/{product.name.lower()}.json"
        look, update = _next(offer)
        app = App(
            version=offer.version,
            description=product.summary,
            homepage=product.homepage,
            license=Licence(identifier=product.license, url=offer.licence_url),
            architecture={
                _PROCESSORS[arch(made)]: Download(url=offer.url(made.name), hash=made.sha256, extract_dir=offer.folder)
                for made in offer.artifacts("zip")
            },
            bin=tuple(f"{each.name}.exe" for each in offer.programs(console=True)),
            shortcuts=tuple((f"{each.name}.exe", name) for name, each in windows.shown(product)),
            checkver=look,
            autoupdate=update,
        )
        plain = msgspec.to_builtins(checked(app, self.name, file))
        return {file: (json.dumps(plain, indent=4, ensure_ascii=False) + "\n").encode()}


def _next(offer: Offer) -> tuple[Look | None, Update | None]:
    """How a later version is found: only where the tag ends with the version, since nothing else says what the next is called."""
    prefix = offer.tag.removesuffix(offer.version)
    if prefix == offer.tag or "/" in prefix:
        return None, None
    regex = "" if prefix in ("", "v") else rf"/releases/tag/{re.escape(prefix)}([\d.]+)"
    newer = {
        _PROCESSORS[arch(made)]: Newer(
            url=offer.page + offer.url(made.name).removeprefix(offer.page).replace(offer.version, "$version"),
            extract_dir=offer.folder.replace(offer.version, "$version"),
        )
        for made in offer.artifacts("zip")
    }
    return Look(github=offer.page, regex=regex), Update(architecture=newer, hash=Sums(url=f"$baseurl/{SUMS}"))
