"""Wheels for macOS from the package index: real Mach-O files, made by those who make them for users. Pinned, fetched by pip, kept."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from coldforge.freeze.lock import uv
from coldforge.host.files import folder_beside
from coldforge.records import digest_of
from support.images import cache

# What each is taken for: boot loaders for both processors in one file; extensions with libraries of their own; one extension for each
# processor; and a reader of Mach-O files that has nothing to do with ours.
_WANTED: Final = (
    (
        "macosx_11_0_arm64",
        "pyinstaller==6.22.3 --hash=sha256:052f4a1cd4f81092ccb7a18fe8ebc9ecf832a5917317e39fb3775af4e959b253",
        "pillow==12.0.0 --hash=sha256:71db6b4c1653045dacc1585c1b0d184004f0d7e694c7b34ac165ca70c0838082",
        "markupsafe==3.0.3 --hash=sha256:1872df69a4de6aead3491198eaf13810b565bdbeec3ae2dc8780f14458ec73ce",
        "macholib==1.16.4 --hash=sha256:da1a3fa8266e30f0ce7e97c6a54eefaae8edd1e5f86f3eb8b95457cae90265ea",
        "altgraph==0.17.5 --hash=sha256:f3a22400bce1b0c701683820ac4f3b159cd301acab067c51c653e06961600597",
    ),
    ("macosx_10_13_x86_64", "markupsafe==3.0.3 --hash=sha256:d53197da72cc091b024dd97249dfc7794d6a56530370992a5e1a08983ad9230e"),
)


def wheels() -> Path:
    """The folder of all of them, fetched when it is not there."""
    folder = cache() / f"wheels-{digest_of(_WANTED)[:12]}"
    if not folder.is_dir():
        with folder_beside(folder) as made:
            for platform, *lines in _WANTED:
                _download(made, platform, lines)
    return folder


def _download(folder: Path, platform: str, lines: list[str]) -> None:
    (lock := folder / "lock.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    pip = [uv(), "run", "--quiet", "--no-project", "--with", "pip", "python", "-m", "pip", "download", "--quiet", "--dest", str(folder)]
    pip += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--platform", platform, "--python-version", "3.12", "-r", str(lock)]
    subprocess.run(pip, check=True, cwd=folder, timeout=300)
    lock.unlink()
