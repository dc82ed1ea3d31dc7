"""Frozen for another machine: by emulation, with that machine's own wheels; without an emulator it is told how to get one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from coldforge.host.emulation import BINFMT, emulates
from coldforge.records import Payload, read
from support import images
from support.bare import USER, bare
from support.pair import PAIR, PYPROJECT
from support.program import coldforge
from support.repository import write
from support.require import need

pytestmark = pytest.mark.integration

ENTRY = BINFMT / "qemu-aarch64"
CONFIGURED = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")
# There is no lock: what is resolved depends on the machine that it is for.
CONDITIONAL = PYPROJECT.replace(
    '["markupsafe>=3"]', """["markupsafe>=3", "mdurl; platform_machine == 'aarch64'", "sniffio; platform_machine != 'aarch64'"]"""
)
MATRIX = "targets:\n  linux-aarch64: {{container: '{image}', runner: ubuntu-24.04-arm, formats: [onefile, deb]}}\n"


@contextmanager
def registered() -> Iterator[None]:
    """The kernel hands aarch64 programs to qemu; nothing is registered afterwards that was not before."""
    need("root", available=os.geteuid() == 0, how="registering an emulator takes root")
    need("qemu-aarch64", available=CONFIGURED.is_file(), how="apt-get install qemu-user-static")
    if not (BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)], check=True)
    before = ENTRY.exists()
    if not before:
        (BINFMT / "register").write_text(CONFIGURED.read_text(encoding="ascii"), encoding="ascii")
    try:
        yield
    finally:
        if not before:
            ENTRY.write_text("-1", encoding="ascii")


@pytest.fixture(scope="module")
def arm_image() -> Iterator[str]:
    """An aarch64 image with a Python that can be frozen; an emulator is there until the module's end."""
    with registered():
        yield images.image(images.FREEZE_ARM)


@pytest.fixture(scope="module")
def project(arm_image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {name: text for name, text in PAIR.items() if name != "requirements.txt"}
    return write(
        tmp_path_factory.mktemp("arm") / "source", {**files, "pyproject.toml": CONDITIONAL, "matrix.yml": MATRIX.format(image=arm_image)}
    )


@pytest.fixture(scope="module")
def built(project: Path, container_env: dict[str, str]) -> Path:
    """The target's folder in `dist/`."""
    words: list[str | Path] = ["build", project, "--target", "linux-aarch64", "--out", project.parent / "dist"]
    outcome = coldforge(*words, env=container_env).succeeded()
    assert "try: pair-work pool" in outcome.err
    return project.parent / "dist" / "linux-aarch64"


def test_every_binary_is_for_that_machine(built: Path) -> None:
    machines = set()
    for path in (path for folder in ("payload", ".") for path in (built / folder).rglob("*") if path.is_file()):
        with path.open("rb") as stream:
            if stream.read(4) == b"\x7fELF":
                machines.add(ELFFile(stream)["e_machine"])
    assert machines == {"EM_AARCH64"}
    assert list((built / "payload").rglob("_speedups.cpython-*-aarch64-linux-gnu.so"))


def test_the_environment_is_that_machines(built: Path) -> None:
    environment = read(built / "payload.json", Payload).environment
    assert [dist.name for dist in environment.distributions] == ["markupsafe", "mdurl"]
    assert "sniffio" not in environment.resolved


def test_the_package_installs_and_works_there(built: Path, arm_image: str) -> None:
    (package,) = built.glob("*.deb")
    with bare(arm_image) as system:
        assert system.do("dpkg --print-architecture").strip() == "arm64"
        system.put(package.name, package.read_bytes(), "/tmp")
        system.do(f"dpkg --install /tmp/{package.name}")
        assert json.loads(system.do("pair-show", user=USER))["compiled"] is True


def test_without_an_emulator_it_is_told_how_to_get_one(project: Path, container_env: dict[str, str]) -> None:
    words: list[str | Path] = ["--target", "linux-aarch64", project]
    ENTRY.write_text("0", encoding="ascii")
    try:
        assert not emulates("aarch64")
        outcome = coldforge("build", *words, "--clean", "--out", project.parent / "none", env=container_env)
        outcome.failed(3, "cannot run programs for aarch64", "qemu-user-static", "--install arm64")
        assert "runs no aarch64 programs" in coldforge("plan", project, env=container_env).succeeded().err
        checks = {check["name"]: check for check in json.loads(coldforge("doctor", "--json", project, env=container_env).out)}
        assert "qemu-user-static" in checks["emulation of aarch64"]["fix"]
    finally:
        ENTRY.write_text("1", encoding="ascii")
    assert "emulation of aarch64" not in coldforge("doctor", "--json", project, env=container_env).out
    assert "runs no" not in coldforge("plan", project, env=container_env).succeeded().err


def test_a_target_that_takes_an_emulator_is_built_when_it_is_named_only(project: Path, container_env: dict[str, str]) -> None:
    outcome = coldforge("build", project, "--out", project.parent / "none", env=container_env)
    outcome.failed(3, "linux-aarch64 cannot be frozen on linux-x86_64", "ubuntu-24.04-arm", "`--target linux-aarch64` tries it here")
