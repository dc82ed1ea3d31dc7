"""Pinned inputs from the network: fetched once, checked, and kept in the cache under their digest."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from coldforge.errors import Missing, Refused, RemoteFailed
from coldforge.host import cache, files
from coldforge.host.aside import closing, in_time, within

if TYPE_CHECKING:
    from requests import PreparedRequest

KIND: Final = "input"
LARGEST: Final = 256 << 20  # bytes
_TRIES: Final = 4
_TIMEOUTS: Final = (10, 60)  # seconds to connect, and between two bytes
LONGEST_PIECE: Final = 300.0  # seconds until an answer begins, and for each piece of it: 3.5 kB/s


def kept(sha256: str) -> Path | None:
    """The input of this digest, if it was fetched before."""
    return cache.fetch(KIND, sha256)


def fetched(url: str, sha256: str, *, what: str, instead: str) -> Path:
    """The file behind an address, from the cache or the network; `what` it is and what to do `instead` stand in errors.

    Raises RemoteFailed after retries, Refused when its bytes are not the pinned ones, Missing when it cannot be kept.
    """
    if found := kept(sha256):
        return found
    with files.scratch("fetch") as folder:
        download(url, folder / "file", what=what, instead=instead)
        if (digest := files.sha256(folder / "file")) != sha256:
            why = f"{url}\nhas the sha256 {digest},\nnot              {sha256}"
            raise Refused(f"{what} is not what is pinned", why=why, hint="Find out why before the digest is changed.")
        cache.store(KIND, sha256, folder / "file")
    if found := kept(sha256):
        return found
    raise Missing(f"{what} cannot be kept: the cache {cache.root()} cannot be written", hint="Set COLDFORGE_CACHE to a folder that can.")


def download(url: str, path: Path, *, what: str, instead: str, largest: int = LARGEST) -> None:
    """Write what is behind an address into a file; nothing is kept, and nothing checked but that it is not larger than `largest` bytes.

    Raises RemoteFailed after retries, Refused for what is larger.
    """
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    retries = Retry(total=_TRIES, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504))
    with requests.Session() as session:
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(max_retries=retries))
        session.auth = _nobody  # else a machine's netrc password would be sent
        try:
            asking = partial(session.get, url, stream=True, timeout=_TIMEOUTS)
            answer = within(LONGEST_PIECE, asking, lacking="nothing", drop=lambda answer: answer.close())
            with closing(answer), path.open("wb") as stream:
                answer.raise_for_status()
                for piece in in_time(answer.iter_content(files.CHUNK), files.CHUNK, LONGEST_PIECE, lacking="nothing"):
                    if stream.tell() > largest:
                        raise Refused(f"{what} is larger than anything of its kind", why=url)
                    stream.write(piece)
        except (requests.RequestException, TimeoutError) as error:
            raise RemoteFailed(f"{what} cannot be fetched", why=f"{url}\n{error}", hint=instead) from error


def _nobody(request: PreparedRequest) -> PreparedRequest:
    return request
