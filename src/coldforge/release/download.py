"""Downloading all files of a release into a folder, trusting nothing of it."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from coldforge.errors import Refused, RemoteFailed
from coldforge.host import files
from coldforge.release.api import Asset, GitHub, Release, token_of_environment
from coldforge.release.wire import AGAIN, Failure
from coldforge.report import reporter
from coldforge.report.reporter import Progress

LARGEST: Final = 2**31
_NAME: Final = re.compile(r"^[^/\\\x00-\x1f]+$")


def download_release(repository: str, tag: str, folder: Path, *, api_url: str | None = None) -> None:
    """Fetch every asset of the release of `tag`: the published one, or with a token its draft.

    Raises Refused for names that are no plain file names, and RemoteFailed when the release is not
    there or the server does not deliver.
    """
    github = GitHub(repository, api_url=api_url, token=token_of_environment())
    try:
        release = github.published(tag) or _draft(github, tag)
        if release is None:
            hint = "A draft is seen only with a token that may write (GITHUB_TOKEN)."
            raise RemoteFailed(f"{repository} has no release {tag}", hint=hint)
        assets = github.assets(release.id)
        check_names(assets)
        with reporter().progress("downloading", sum(asset.size for asset in assets)) as bar, ThreadPoolExecutor(max_workers=4) as pool:
            for _ in pool.map(lambda asset: _fetch(github, asset, folder, bar), assets):
                pass
    except Failure as failure:
        raise RemoteFailed("GitHub refused a request", why=str(failure), hint=AGAIN) from failure


def _draft(github: GitHub, tag: str) -> Release | None:
    return next((item for item in github.releases() if item.draft and item.tag_name == tag), None)


def check_names(assets: Sequence[Asset]) -> None:
    """Raise Refused for names that leave the folder, or that one file system cannot tell apart."""
    folded: set[str] = set()
    for asset in assets:
        name = unicodedata.normalize("NFC", asset.name).casefold()
        if not _NAME.match(asset.name) or asset.name in (".", "..") or name in folded:
            raise Refused(f"the release has a file with a name that cannot be trusted: {asset.name!r}")
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
