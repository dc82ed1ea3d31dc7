"""A release's files as one would upload them by hand: `plain_uploads.py API TAG TOKEN FILE...`, with requests and eight connections.

With `--blind URL` instead of the API it posts to a known address, and does not look at what has become of it.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter

CONNECTIONS: Final = 8


def main(api: str, tag: str, token: str, paths: list[str]) -> None:
    """Find the draft, upload all, look whether all is there: no second try, no look at what was there before."""
    session = opened(token)
    release = next(item for item in pages(session, f"{api}/releases") if item["tag_name"] == tag)
    send_all(session, release["upload_url"].partition("{")[0], paths)
    there = {asset["name"]: asset["size"] for asset in pages(session, release["assets_url"])}
    if there != {Path(path).name: Path(path).stat().st_size for path in paths}:
        raise SystemExit("not all files are there")


def opened(token: str) -> requests.Session:
    """A session with a pool of connections."""
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=CONNECTIONS))
    session.headers["Authorization"] = f"Bearer {token}"
    return session


def pages(session: requests.Session, url: str) -> list[dict[str, Any]]:
    """The items of a list, over all pages."""
    items: list[dict[str, Any]] = []
    following: str | None = f"{url}?per_page=100"
    while following:
        answer = session.get(following, timeout=60)
        answer.raise_for_status()
        items += answer.json()
        following = answer.links.get("next", {}).get("url")
    return items


def send_all(session: requests.Session, url: str, paths: list[str]) -> None:
    """Upload all files."""

    def send(path: str) -> None:
        with Path(path).open("rb") as stream:
            session.post(url, params={"name": Path(path).name}, data=stream, timeout=60).raise_for_status()

    with ThreadPoolExecutor(max_workers=CONNECTIONS) as pool:
        list(pool.map(send, paths))


if __name__ == "__main__":
    if sys.argv[1] == "--blind":
        send_all(opened(sys.argv[3]), sys.argv[2], sys.argv[4:])
    else:
        main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
