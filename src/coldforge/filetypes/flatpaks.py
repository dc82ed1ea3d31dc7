"""What is in a flatpak bundle, with nothing of it ever made: a private repository takes it up by digests, and gives it back as one tar.

Source: flatpak-build-import-bundle(1) and ostree-export(1).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from coldforge.errors import BuildFailed
from coldforge.host import programs
from coldforge.host.run import run

MAGIC: Final = b"flatpak\0"
LARGEST: Final = 4 << 30  # bytes that a file of a bundle, and all of them together in a tar, may be
_SECONDS: Final = 600.0
_LIMITED: Final = 'ulimit -f "$1" && shift && exec "$@"'


def unpack(bundle: Path, folder: Path, *, limit: int = LARGEST) -> Path:
    """A tar of what is in a bundle, in a folder that is for nothing else.

    Raises Missing without flatpak or ostree, and ValueError when the bundle is damaged or unpacks to more than `limit` bytes.
    """
    flatpak, ostree = str(programs.needed("flatpak")), str(programs.needed("ostree"))
    repository, tar = folder / "repository", folder / "tar"

    def said(*words: str) -> str:
        environment = {"PATH": os.defpath, "HOME": str(folder)}  # nobody's settings and keys
        limited = ["sh", "-c", _LIMITED, "sh", str(limit // 512), *words]
        try:
            done = run(limited, cwd=folder, env=environment, check=False, called=words[0], quiet=True, seconds=_SECONDS)
        except BuildFailed as error:
            raise ValueError(str(error)) from error
        if done.code:
            raise ValueError((done.output.splitlines() or ["it is damaged, or unpacks to more than is looked at"])[-1])
        return done.output

    said(ostree, "init", f"--repo={repository}", "--mode=archive")
    said(flatpak, "build-import-bundle", "--no-update-summary", str(repository), str(bundle.absolute()))
    (ref, *more) = said(ostree, "refs", f"--repo={repository}").splitlines() or [""]
    if not ref or more:
        raise ValueError("it holds anything but one thing")
    said(ostree, "export", f"--repo={repository}", "--no-xattrs", f"--output={tar}", "--", ref)
    return tar
