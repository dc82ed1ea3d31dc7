"""Packages of Alpine without its package manager, which is in no index that tests reach: `apk/main.go` says what stands in for it."""

from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

from coldforge.filetypes import gzips
from support.require import tool

PROGRAM = "coldforge-test-apk"


def go_apk(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Call the program; it may refuse."""
    program = tool(PROGRAM, f"go build -C tests/support/apk -o DIR/{PROGRAM} . , with a DIR of PATH")
    return subprocess.run([program, *words], capture_output=True, text=True, check=False, timeout=60)


def providing(name: str, *provided: str, folder: Path) -> Path:
    """A repository with one package of no files that provides something: what a bare root has not."""
    facts = "".join(f"provides = {word}\n" for word in provided)
    data = gzips.small(bytes(1024))
    about = f"pkgname = {name}\npkgver = 1-r0\narch = x86_64\n{facts}datahash = {hashlib.sha256(data).hexdigest()}\n"
    control = gzips.small(_tar({".PKGINFO": about})[:-1024])
    checksum = base64.b64encode(hashlib.sha1(control, usedforsecurity=False).digest()).decode()
    listed = {"C": f"Q1{checksum}", "P": name, "V": "1-r0", "A": "x86_64", "S": str(len(control + data)), "I": "0", "p": " ".join(provided)}
    index = "".join(f"{key}:{value}\n" for key, value in listed.items())
    place = folder / "x86_64"
    place.mkdir(parents=True)
    (place / f"{name}-1-r0.apk").write_bytes(control + data)
    (place / "APKINDEX.tar.gz").write_bytes(gzips.small(_tar({"DESCRIPTION": "stub", "APKINDEX": f"{index}\n"})))
    return folder


def _tar(texts: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, text in texts.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return made.getvalue()
