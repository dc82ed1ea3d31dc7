"""Somebody with a fresh Debian, Python and git does what README and tutorial say, word for word."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coldforge.errors import BuildFailed
from coldforge.freeze import Workshop
from coldforge.freeze.images import Image
from coldforge.freeze.workshop import open_workshop
from coldforge.target import Target
from support import images
from support.program import ROOT
from support.repository import write

pytestmark = pytest.mark.integration

# Debian 12 with what the README asks for, and without it.
READY = images.Base(name="newcomer", packages=("python3-venv", "libpython3.11", "git"))
PLAIN = images.Base(name="newcomer-plain", packages=("python3", "git"))


def commands(page: str) -> list[str]:
    """What a page tells people to type: the lines of its console blocks that start with `$`."""
    blocks = re.findall(r"^```console\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ").partition("  #")[0].strip() for block in blocks for line in block.splitlines() if line.startswith("$ ")]


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


def test_the_tutorial_from_a_fresh_checkout_to_a_running_program(tmp_path: Path) -> None:
    clone, build, *_ = commands("README.md")
    assert clone.startswith("git clone ")
    told = commands("docs/tutorial.md")
    log = tmp_path / "log"
    with machine(READY, checkout(tmp_path / "checkout")) as desk:
        first = type_in(desk, build, log)
        said = {command: type_in(desk, command, log) for command in told}
        listed = type_in(desk, "find dist -maxdepth 2 -type f", log).split()
        manifest = json.loads(type_in(desk, "cat dist/manifest.json", log))
        type_in(desk, "cd dist/linux-x86_64 && sha256sum --check --ignore-missing ../SHA256SUMS", log)
        changed = type_in(desk, "git status --porcelain", log)
    names = {artifact["format"]: artifact["name"] for target in manifest["targets"] for artifact in target["artifacts"]}
    assert names.keys() == {"tar.gz", "onefile", "deb"}
    assert {f"dist/linux-x86_64/{name}" for name in names.values()} < set(listed)
    assert {"dist/manifest.json", "dist/SHA256SUMS", "dist/plan.json"} < set(listed)
    for words in ("making a private environment", "no container engine", "glibc 2.36", "Next: coldforge attest dist", *names.values()):
        assert words in first
    assert build in told, "README and tutorial build the same example"
    assert "Nothing has changed" in said[build]
    assert said[told[-1]].endswith("1.0.0"), "the program itself says its version"
    assert changed == ""


def test_a_python_that_cannot_make_environments_is_told_how_to(tmp_path: Path) -> None:
    with machine(PLAIN, checkout(tmp_path / "checkout")) as desk:
        with pytest.raises(BuildFailed, match="exit code 3") as caught:
            type_in(desk, "./bin/coldforge --version", tmp_path / "log")
        assert "apt-get install python3-venv" in caught.value.why
        assert "Traceback" not in caught.value.why
        assert type_in(desk, "ls -A ~/.cache/coldforge/environments | grep -v lock | wc -l", tmp_path / "log") == "0"
