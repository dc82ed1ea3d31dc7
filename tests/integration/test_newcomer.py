"""Somebody with a fresh Debian, Python and git does what README and tutorial say, word for word."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from coldforge.errors import BuildFailed
from support.desk import PLAIN, READY, checkout, machine, type_in
from support.program import ROOT

pytestmark = pytest.mark.integration


def commands(page: str) -> list[str]:
    """What a page tells people to type: the lines of its console blocks that start with `$`."""
    blocks = re.findall(r"^```console\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ").partition("  #")[0].strip() for block in blocks for line in block.splitlines() if line.startswith("$ ")]


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
    assert names.keys() == {"tar.gz", "onefile", "deb", "sbom"}
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
