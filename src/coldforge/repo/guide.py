"""What a user does to install from the repositories: for the terminal, for a README, and as a page of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from coldforge.repo import Package, Site
from coldforge.repo.families import FAMILIES

TITLES = {"deb": "Debian, Ubuntu (apt)", "rpm": "Fedora, Red Hat (dnf)", "arch": "Arch Linux (pacman)", "apk": "Alpine, Wolfi (apk)"}
_STYLE = (
    "body{max-width:60rem;margin:2rem auto;padding:0 1rem;font:1rem/1.5 system-ui,sans-serif;color-scheme:light dark}pre{overflow-x:auto}"
)


def lines(site: Site, packages: Sequence[Package]) -> Mapping[str, tuple[str, ...]]:
    """The lines to type, by the title of the systems that they are for."""
    names = {form: sorted({p.held.name for p in packages if p.held.format == form}) for form in FAMILIES}
    return {TITLES[form]: FAMILIES[form].lines(site, " ".join(found)) for form, found in names.items() if found}


def files(site: Site, packages: Sequence[Package]) -> dict[str, bytes]:
    """README.md and index.html."""
    found = lines(site, packages)
    return {"README.md": "".join(_markdown(site, found)).encode(), "index.html": "".join(_page(site, found)).encode()}


def _fingerprint(site: Site) -> str:
    return f"Everything is signed by the OpenPGP key {site.openpgp.primary}." if site.openpgp else ""


def _markdown(site: Site, found: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    yield f"# {site.name}\n"
    if said := _fingerprint(site):
        yield f"\n{said}\n"
    for title, typed in found.items():
        block = "\n".join(typed)
        yield f"\n## {title}\n\n```sh\n{block}\n```\n"


def _page(site: Site, found: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    yield f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(site.name)}</title>\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{_STYLE}</style>\n</head>\n<body>\n'
    yield f"<h1>{escape(site.name)}</h1>\n"
    if said := _fingerprint(site):
        yield f"<p>{escape(said)}</p>\n"
    for title, typed in found.items():
        yield f"<h2>{escape(title)}</h2>\n<pre>{escape(chr(10).join(typed))}</pre>\n"
    yield "</body>\n</html>\n"
