"""Homebrew: a cask for an application, and a formula for programs of the terminal, for a tap of one's own or the public ones.

Sources: https://docs.brew.sh/Cask-Cookbook, https://docs.brew.sh/Formula-Cookbook
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from coldforge.plan import macos
from coldforge.records import Artifact
from coldforge.shops import SHA256, WEB, Offer, arch, checked
from coldforge.target import Target

_APPLICATIONS: Final = ("dmg", "app.zip")  # the first that there is: both hold the application
_ARCHIVE: Final = "tar.gz"
_BOTH: Final = "universal"
_PROCESSORS: Final = {"aarch64": "arm", "x86_64": "intel", "universal2": _BOTH}
# What Homebrew calls the systems that it still runs on; a floor below them asks for nothing.
_SYSTEMS: Final = {11: "big_sur", 12: "monterey", 13: "ventura", 14: "sonoma", 15: "sequoia", 26: "tahoe"}
_ARTICLE: Final = re.compile(r"^(an?|the)\s+", re.IGNORECASE)

Url = Annotated[str, Meta(pattern=WEB)]
Line = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]+$")]


class Download(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file for one processor."""

    url: Annotated[str, Meta(pattern=r"^https://[^\s\"]+$")]
    sha256: Annotated[str, Meta(pattern=SHA256)]


class About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What both kinds of file say: `token` is the word for `brew install`."""

    token: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    version: Annotated[str, Meta(pattern=r"^\d[\w.+-]*$")]
    desc: Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=80)]
    homepage: Url


class Homebrew:
    """Tells of the disk image, else the zip of the application; and of the archives of programs for the terminal."""

    name = "homebrew"
    system = "macos"
    formats: tuple[str, ...] = (*_APPLICATIONS, _ARCHIVE)

    def files(self, offer: Offer) -> Mapping[str, bytes]:
        about = checked(_about(offer), self.name, "the cask")
        found = {}
        made = next((made for form in _APPLICATIONS if (made := offer.artifacts(form, self.system))), ())
        if made:
            found[f"Casks/{about.token}.rb"] = _lines(_cask(offer, about, _downloads(offer, made, self.name)))
        if offer.programs(console=True) and (made := offer.artifacts(_ARCHIVE, self.system)):
            downloads = {"macos": _downloads(offer, made, self.name)}
            if others := tuple(each for each in offer.artifacts(_ARCHIVE, "linux") if not Target.parse(each.target).musl):
                downloads["linux"] = _downloads(offer, others, self.name)
            found[f"Formula/{about.token}.rb"] = _lines(_formula(offer, about, downloads))
        return found


def text(value: str) -> str:
    r"""A text of Ruby's that is nothing but itself.

    >>> text('a "b" #{c}')
    '"a \\"b\\" \\#{c}"'
    """
    return '"{}"'.format(re.sub(r'["\\]|#(?=[{$@])', lambda mark: f"\\{mark[0]}", value))


def _about(offer: Offer) -> About:
    product = offer.plan.product
    summary = _ARTICLE.sub("", " ".join(product.summary.split())).rstrip(".")  # as the shop's own reader of texts wants it
    return About(
        token=re.sub(r"[^a-z0-9]+", "-", product.name.lower()).strip("-"),
        version=offer.version,
        desc=summary[:1].upper() + summary[1:],
        homepage=product.homepage,
    )


def _downloads(offer: Offer, made: tuple[Artifact, ...], shop: str) -> dict[str, Download]:
    """The files by what Homebrew calls their processor; one for both stands for all."""
    found = {_PROCESSORS[arch(each)]: Download(url=offer.url(each.name), sha256=each.sha256) for each in made}
    return {name: checked(found[name], shop, "the download") for name in sorted({_BOTH} & found.keys() or found)}


def _cask(offer: Offer, about: About, downloads: Mapping[str, Download]) -> Iterator[str]:
    product, both = offer.plan.product, len(downloads) > 1
    yield f"cask {text(about.token)} do"
    if both:
        yield from ('  arch arm: "aarch64", intel: "x86_64"', "")
    yield f"  version {text(about.version)}"
    if both:
        yield f'  sha256 arm:   "{downloads["arm"].sha256}",'
        yield f'         intel: "{downloads["intel"].sha256}"'
    else:
        yield from (f'  sha256 "{each.sha256}"' for each in downloads.values())
    url = next(iter(downloads.values())).url
    shown = text(url).replace(about.version, "#{version}")
    shown = shown.replace("-macos-aarch64.", "-macos-#{arch}.") if both else shown
    yield ""
    if product.homepage.startswith(offer.page):
        yield f"  url {shown}"
    else:  # whoever reads it should see that the address belongs to the project
        yield from (f"  url {shown},", f"      verified: {text(offer.page.removeprefix('https://') + '/')}")
    yield f"  name {text(offer.name)}"
    yield f"  desc {text(about.desc)}"
    yield f"  homepage {text(about.homepage)}"
    yield ""
    needs = [*_floor(offer), *(["  depends_on arch: :arm64"] if list(downloads) == ["arm"] else [])]
    yield from (*needs, *([""] if needs else []))
    yield f"  app {text(macos.app(product))}"
    if product.identifier:
        yield from ("", f"  uninstall quit: {text(product.identifier)}")
    if list(downloads) == ["intel"]:
        yield from ("", "  caveats do", "    requires_rosetta", "  end")
    yield "end"


def _floor(offer: Offer) -> Iterator[str]:
    """The oldest system that all of it runs on."""
    floors = [target.floor for target in offer.plan.targets if Target.parse(target.target).os == "macos" and target.floor]
    newest = max((int(floor.partition(".")[0]) for floor in floors), default=0)
    if newest in _SYSTEMS:
        yield f'  depends_on macos: ">= :{_SYSTEMS[newest]}"'


def _formula(offer: Offer, about: About, downloads: Mapping[str, Mapping[str, Download]]) -> Iterator[str]:
    yield f"class {class_name(about.token)} < Formula"
    yield f"  desc {text(about.desc)}"
    yield f"  homepage {text(about.homepage)}"
    yield f"  version {text(about.version)}"
    yield f"  license {licence(offer.plan.product.license)}"
    for system, found in downloads.items():
        yield from ("", f"  on_{system} do")
        for processor, each in found.items():
            lines = (f"url {text(each.url)}", f'sha256 "{each.sha256}"')
            if processor == _BOTH:
                yield from (f"    {line}" for line in lines)
            else:
                yield from (f"    on_{processor} do", *(f"      {line}" for line in lines), "    end")
        yield "  end"
    programs = [each.name for each in offer.programs(console=True)]
    yield from ("", "  def install", '    libexec.install Dir["*"]')
    yield from (f"    bin.install_symlink libexec/{text(name)}" for name in programs)
    yield from ("  end", "", "  test do")
    yield from (f"    assert_predicate bin/{text(name)}, :executable?" for name in programs)
    yield from ("  end", "end")


def class_name(token: str) -> str:
    """What Homebrew calls the class of a formula.

    >>> class_name("my-tool2")
    'MyTool2'
    """
    return "".join(part[:1].upper() + part[1:] for part in token.split("-"))


def licence(expression: str) -> str:
    """An SPDX expression in Homebrew's words; what it has no simple words for is said to be that.

    >>> licence("MIT"), licence("MIT OR Apache-2.0"), licence("(A OR B) AND C")
    ('"MIT"', 'any_of: ["MIT", "Apache-2.0"]', ':cannot_represent')
    """
    for word, key in ((" OR ", "any_of"), (" AND ", "all_of")):
        parts = expression.split(word)
        if len(parts) > 1 and all(re.fullmatch(r"[A-Za-z0-9.+-]+", part) for part in parts):
            return f"{key}: [{', '.join(map(text, parts))}]"
    return text(expression) if re.fullmatch(r"[A-Za-z0-9.+-]+", expression) else ":cannot_represent"


def _lines(lines: Iterator[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
