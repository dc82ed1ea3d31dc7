"""A program whose wheels carry bills of materials of their own: Rust crates, and OpenSSL in the place of the system's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PYPROJECT: Final = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "vault"
version = "1.0"
description = "Seals a word"
license = "MIT"
requires-python = ">=3.11"
authors = [{ name = "Somebody", email = "somebody@example.org" }]
dependencies = ["cryptography>=50"]

[project.scripts]
vault = "vault:main"
vault-check = "vault:main"
"""
MODULE: Final = """\
from cryptography.fernet import Fernet


def main() -> None:
    seal = Fernet(Fernet.generate_key())
    print(seal.decrypt(seal.encrypt(b"sealed and opened")).decode())
"""
LOCK: Final = """\
cffi==2.1.1 \\
    --hash=sha256:34e261f78cb6ceaaa36f42f2613f4380d94d9c759a9c73c769ee6e0247364632 \\
    --hash=sha256:c1453022f490d2459a11819d83ad1d586e9ff65a12ac3e705ffebd46d3685dcf \\
    --hash=sha256:a931079504ecc49efed7744c476a5c343a92fabf66dec2db95edb1b2fdc770e2 \\
    --hash=sha256:b0431303acaea1089ad4b3e9ce4e6518193def1118d4073ca848635ee4ea2e96
cryptography==50.0.2 \\
    --hash=sha256:4061c0079120205fb760c58acab6443e217307dcf05e3702cf970e0689972856
pycparser==3.12 \\
    --hash=sha256:a076f3f489b39b43ed13563a1dafe42447445bec2e294154ec5c57fcdda4c85e
"""
VAULT: Final[Mapping[str, str]] = {
    "pyproject.toml": PYPROJECT,
    "requirements.txt": LOCK,
    "LICENSE": "MIT License\n\nCopyright (c) 2026 Somebody\n",
    "src/vault/__init__.py": MODULE,
}
