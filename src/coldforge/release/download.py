"""Downloading all files of a release into a folder, trusting nothing of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from coldforge.errors import ConfigurationError, Refused, RemoteFailed
from coldforge.host import files
from coldforge.release.api import Asset, GitHub, Release, token_of_environment
from coldforge.release.wire import BadToken, Failure
from coldforge.report import reporter
from coldforge.report.reporter import Progress

LARGEST: Final = 2**31
# What GitHub itself makes of any name: it rewrites all else, and takes dots off both ends.
_NAME: Final = re.compile(r"(?!\.)[A-Za-z0-9._+-]+(?<!\.)")
_DEVICE: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)  # Windows opens these in any folder


def download_release(
    repository: str, tag: str, folder: Path, *, api_url: str | None = None, only: Callable[[str], bool] | None = None
) -> None:
    """Fetch every asset of the release of `tag`, or those whose names `only` says yes to: the published one, or with a token its draft.

    Raises ConfigurationError when there is no such release, Refused for names that are no plain file names,
    and RemoteFailed when the server does not deliver.
    """
    try:
        github, release = _found(repository, tag, api_url)
        assets = github.assets(release.id)
        check_names(assets)
        assets = tuple(asset for asset in assets if only is None or only(asset.name))
        with reporter().progress("downloading", sum(asset.size for asset in assets)) as bar, ThreadPoolExecutor(max_workers=4) as pool:
            for _ in pool.map(lambda asset: _fetch(github, asset, folder, bar), assets):
                pass
    except Failure as failure:
        raise failure.told() from failure


def _found(repository: str, tag: str, api_url: str | None) -> tuple[GitHub, Release]:
    """The release, and the client that sees it. What is public needs no token, so one that has expired is in nobody's way."""
    github = GitHub(repository, api_url=api_url, token=token_of_environment())
    try:
        release = github.published(tag) or _draft(github, tag)
    except BadToken as error:
        github = GitHub(repository, api_url=api_url)
        release = github.published(tag)
        if release is None:  # it may be a draft, or a private repository's
            raise
        reporter().warn(f"{error.what}; reading without it, because the release is public")
    if release is None:
        hint = "A draft is seen only with a token that may write (GITHUB_TOKEN)."
        raise ConfigurationError(f"{repository} has no release {tag}", hint=hint)
    return github, release


def _draft(github: GitHub, tag: str) -> Release | None:
    return next((item for item in github.releases() if item.draft and item.tag_name == tag), None)


def check_names(assets: Sequence[Asset]) -> None:
    """Raise Refused for names that leave the folder, mean a device, deceive the eye, or that one file system cannot tell apart."""
    folded: set[str] = set()
    for asset in assets:
        name = asset.name.casefold()
        if not _NAME.fullmatch(asset.name) or _DEVICE.fullmatch(asset.name) or name in folded:
            raise Refused(f"the release has a file with a name that cannot be trusted: {asset.name!a}")
        folded.add(name)


def _fetch(github: GitHub, asset: Asset, folder: Path, bar: Progress) -> None:
    """One asset, to its full length and no further."""
    size, total = 0, hashlib.sha256()
    with files.beside(folder / asset.name) as temporary, temporary.open("wb") as stream:
        for chunk in github.download(asset):
            size += len(chunk)
            if size > min(asset.size, LARGEST):
                raise RemoteFailed(f"{asset.name} is longer than its release says", hint="Run it again.")
            total.update(chunk)
            stream.write(chunk)
            bar.advance(len(chunk))
        if size != asset.size or asset.digest not in (None, f"sha256:{total.hexdigest()}"):
            raise RemoteFailed(f"{asset.name} did not arrive as its release says", hint="Run it again.")
