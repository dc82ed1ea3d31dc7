"""Programs of another architecture: whether this machine's kernel hands them to an emulator, and the command that makes it do so."""

from __future__ import annotations

from pathlib import Path
from typing import Final

BINFMT: Final = Path("/proc/sys/fs/binfmt_misc")


def emulates(architecture: str) -> bool:
    """Whether programs of an architecture (aarch64, x86_64) run here by emulation, in containers of any image too.

    That takes an enabled entry with the flag F: the kernel then holds the emulator open, and no image needs it inside.
    Source: https://docs.kernel.org/admin-guide/binfmt-misc.html
    """
    try:
        lines = (BINFMT / f"qemu-{architecture}").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags:")), "")
    return lines[0] == "enabled" and "F" in flags


def how(architecture: str) -> str:
    """What a person does to get it, as a sentence."""
    docker = {"aarch64": "arm64", "x86_64": "amd64"}.get(architecture, architecture)
    return (
        "Install the emulator, for example with `apt-get install qemu-user-static binfmt-support` (Debian, Ubuntu), "
        f"or for any engine with `docker run --privileged --rm tonistiigi/binfmt --install {docker}`."
    )
