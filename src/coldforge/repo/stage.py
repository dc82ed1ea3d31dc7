"""Make or renew the repositories in a folder. Running it again with the same releases changes nothing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from coldforge.errors import ConfigurationError, Missing
from coldforge.host import files
from coldforge.host.lock import exclusive
from coldforge.records import canonical, read
from coldforge.repo import CONTENTS, Contents, Package, Site, guide
from coldforge.repo.age import newest
from coldforge.repo.collect import of_release, present, together
from coldforge.repo.families import FAMILIES
from coldforge.report import reporter
from coldforge.report.reporter import Table, megabytes
from coldforge.sign.keys import Given, Keys

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")
_DIGEST: Final = re.compile(r"(^|/)[0-9a-f]{64}(-|$)")


def publish(dists: Sequence[Path], out: Path, *, url: str, name: str = "", keep: int = 0, given: Given | None = None) -> Contents:
    """Put the packages of releases into the repositories of `out`, beside those that are there, and write all lists anew.

    `url` is where the folder will be served. `keep` is how many releases of each package stay, 0 for all. Raises Refused when a file
    is not what a manifest or an earlier run says of it, ConfigurationError for what cannot be a repository, Missing for keys.
    """
    _check_url(url)
    new = [package for dist in dists for package in of_release(dist)]
    with files.disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    with exclusive(out), reporter().step("repository"):
        before = read(out / CONTENTS, Contents) if (out / CONTENTS).is_file() else None
        all_of_them = together(present(before, out) if before else [], new)
        kept = newest(all_of_them, keep)
        if not kept:
            raise ConfigurationError(
                "there is no package to put into a repository", hint=f"A release with one of {', '.join(FAMILIES)} has."
            )
        named = _name(name or (before.name if before else "") or kept[0].held.name)
        with Keys(given or Given()) as keys:
            site = Site(name=named, url=url.rstrip("/"), epoch=max(p.held.epoch for p in all_of_them), openpgp=keys.openpgp, rsa=keys.rsa)
            if before:
                _check_keys(before, site, out)
            contents = _write(out, site, kept, before)
        _tell(site, kept, contents)
    return contents


def _check_keys(before: Contents, site: Site, out: Path) -> None:
    """Who installs from a signed repository takes nothing from it any more once it is not. Raises Missing without the key."""
    public = f"{before.name}.asc"
    lost = [
        option
        for option, signed, key in (
            ("--openpgp-key", public in before.indices, site.openpgp),
            ("--rsa-key", any(path.endswith(".rsa.pub") for path in before.indices), site.rsa),
        )
        if signed and not key
    ]
    if lost:
        why = "Who installs from them would be refused every update."
        hint = f"Give {' and '.join(lost)}, or begin repositories without signatures in an empty folder."
        raise Missing(f"the repositories in {out} are signed, and the key is not given", why=why, hint=hint)
    if site.openpgp and public in before.indices and (out / public).is_file() and (out / public).read_bytes() != site.openpgp.public():
        reporter().warn(f"{public} has changed: who has another key of before must fetch it before the next update")


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or re.search(r"[\s\"'`$\\<>]", url) or parts.query or parts.fragment:
        raise ConfigurationError(f"{url!r} cannot be the address of a repository", hint="Write it like https://example.org/packages")


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{name!r} cannot be the name of a repository", hint="Small letters, digits, dots and dashes: --name demo")
    return name


def _write(out: Path, site: Site, packages: Sequence[Package], before: Contents | None) -> Contents:
    """Packages first, lists after them, and last of all what is gone is removed: a reader meanwhile finds the old or the new."""
    for package in packages:
        if package.file != out / package.held.path:
            with files.beside(out / package.held.path) as temporary:
                shutil.copyfile(package.file, temporary)
    made = {**_indices(site, packages), **_pages(out, guide.files(site, packages), before)}
    earlier = _earlier(before, made)
    contents = Contents(
        name=site.name,
        url=site.url,
        packages=tuple(package.held for package in packages),
        indices=tuple(made),
        earlier=earlier,
    )
    for path, data in made.items():
        files.write(out / path, data)
    files.write(out / CONTENTS, canonical(contents))
    _remove(out, before, contents)
    return contents


def _indices(site: Site, packages: Sequence[Package]) -> Mapping[str, bytes]:
    made: dict[str, bytes] = {}
    if site.openpgp:
        made[site.public] = site.openpgp.public()
    if site.rsa:
        made[site.rsa_public] = site.rsa.public()
    for form, family in FAMILIES.items():
        if found := [package for package in packages if package.held.format == form]:
            made |= family.indices(found, site)
    return made


def _pages(out: Path, pages: Mapping[str, bytes], before: Contents | None) -> dict[str, bytes]:
    """The pages for people, without those in whose place somebody has a page of their own."""
    ours = before.indices if before else ()
    own = {path for path, data in pages.items() if path not in ours and (out / path).is_file() and (out / path).read_bytes() != data}
    for path in sorted(own):
        reporter().warn(f"{path} was not written by coldforge and stays as it is: what users type is not in it, only here below")
    return {path: data for path, data in pages.items() if path not in own}


def _earlier(before: Contents | None, made: Mapping[str, bytes]) -> tuple[str, ...]:
    """The lists of the run before this one: those that it wrote, or when it wrote the same, those that it kept."""
    if before is None:
        return ()
    gone = {path for path in before.indices if _DIGEST.search(path)} - made.keys()
    return tuple(sorted(gone or set(before.earlier) - made.keys()))


def _remove(out: Path, before: Contents | None, now: Contents) -> None:
    """Remove what an earlier run put there and this one does not have; nothing else is ever removed."""
    if before is None:
        return
    kept = {*now.indices, *now.earlier, *(held.path for held in now.packages)}
    for path in sorted({*before.indices, *before.earlier, *(held.path for held in before.packages)} - kept):
        (out / path).unlink(missing_ok=True)


def _tell(site: Site, packages: Sequence[Package], contents: Contents) -> None:
    rows = tuple((p.held.name, p.held.version, p.held.arch, p.held.format, megabytes(p.held.size)) for p in packages)
    columns = ("package", "version", "architecture", "format", "size")
    reporter().table(Table(title=f"repository {contents.name}", columns=columns, rows=rows, numeric=frozenset({"size"})))
    if site.openpgp is None:
        reporter().warn("the repositories are not signed: who installs from them trusts whoever serves them. Give --openpgp-key.")
    for title, typed in guide.lines(site, packages).items():
        reporter().info("\n".join([f"{title}:", *(f"  {line}" for line in typed)]))
