"""A desk: a fresh Debian with a checkout of this repository, in which a plain user types commands."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coldforge.freeze import Workshop
from coldforge.freeze.workshop import open_workshop
from coldforge.project.images import Image
from coldforge.target import Target
from support import images
from support.program import ROOT
from support.repository import write

# Debian 12 with what the README asks for, and without it.
READY = images.Base(name="newcomer", packages=("python3-venv", "libpython3.11", "git"))
PLAIN = images.Base(name="newcomer-plain", packages=("python3", "git"))


def checkout(folder: Path) -> Path:
    """This working tree as somebody else's fresh clone."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "-co", "--exclude-standard"], check=True, capture_output=True, text=True)
    names = [name for name in listed.stdout.split("\0") if name and not name.startswith("tests/") and (ROOT / name).is_file()]
    modes = {name: (ROOT / name).stat().st_mode & 0o111 for name in names}
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
        target.chmod(0o755 if modes[name] else 0o644)
    return write(folder, {})


@contextmanager
def machine(base: images.Base, project: Path) -> Iterator[Workshop]:
    """A container with the checkout, as its plain user, who reaches the same package index as we do."""
    with open_workshop(Image(base=images.image(base)), Target.parse("linux-x86_64")) as opened:
        opened.put(project, "checkout")
        yield opened


def type_in(machine: Workshop, command: str, log: Path) -> str:
    """What a command prints that is typed in the checkout; it may leave its folder with `cd`."""
    script = f"git config --global --add safe.directory '*'; cd {machine.path('checkout')} && {command}"
    return machine.run(["bash", "-c", script], env={"LC_ALL": "C.UTF-8"}, network=True, log=log)
