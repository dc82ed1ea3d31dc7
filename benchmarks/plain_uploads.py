"""Uploads as one would write them by hand: `plain_uploads.py URL TOKEN FILE...`, with requests and eight connections."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import requests
from requests.adapters import HTTPAdapter

CONNECTIONS: Final = 8


def main(url: str, token: str, paths: list[str]) -> None:
    """Upload all, and nothing else: no look at what is there, no check, no second try."""
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=CONNECTIONS))
    session.headers["Authorization"] = f"Bearer {token}"

    def send(path: str) -> None:
        with Path(path).open("rb") as stream:
            session.post(url, params={"name": Path(path).name}, data=stream, timeout=60).raise_for_status()

    with ThreadPoolExecutor(max_workers=CONNECTIONS) as pool:
        list(pool.map(send, paths))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
