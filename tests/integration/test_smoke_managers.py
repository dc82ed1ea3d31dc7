"""Packages of other families are tried in bare systems by their own package managers, zypper and pacman: installed, started, removed.

Those that no manager there installs are started from their files.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.project.images import IMAGES
from coldforge.records import Manifest, Smoke, read
from support import images
from support.program import Outcome, coldforge
from support.repository import LOCK, MATRIX, PYPROJECT, write
from support.require import tool

pytestmark = pytest.mark.integration
# The C library of these systems is Debian's, of which their own databases know nothing: a package of no files says that it is there.
GLIBC_RPM = r"""
ARG BASE
FROM ${BASE}
RUN mkdir -p /etc/rpm && echo '%_dbpath /var/lib/rpm' > /etc/rpm/macros
RUN printf '%s\n' 'Name: glibc' 'Version: 2.36' 'Release: 1' 'License: none' 'Summary: stub' \
  'Provides: libc.so.6(GLIBC_FLOOR)(64bit)' '%description' 'stub' '%files' > /tmp/glibc.spec \
  && rpmbuild --quiet -bb --define '_topdir /tmp/build' /tmp/glibc.spec && rpm -i /tmp/build/RPMS/*/*.rpm && rm -r /tmp/build
"""
GLIBC_ARCH = r"""
ARG BASE
FROM ${BASE}
RUN mkdir /tmp/stub && cd /tmp/stub && printf '%s = %s\n' pkgname glibc pkgver 2.36-1 pkgdesc stub arch x86_64 > .PKGINFO \
  && tar -czf glibc-2.36-1-x86_64.pkg.tar.gz .PKGINFO && pacman -U --noconfirm ./*.pkg.tar.gz && rm -r /tmp/stub
"""


@pytest.fixture(scope="module")
def built(container_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small program as an rpm, a package for Arch Linux, an archive, and all that no bare system installs; not tried yet."""
    for program, package in (("unsquashfs", "squashfs-tools"), ("flatpak", "flatpak"), ("ostree", "ostree")):
        tool(program, f"apt-get install {package}")
    formats = "[tar.gz, tar.zst, rpm, arch, apk, ipk, snap, flatpak]"
    matrix = MATRIX.format(container=images.image(images.FREEZE)).replace("[tar.gz, onefile, deb, sbom]", formats)
    files = {
        "pyproject.toml": f'{PYPROJECT}\n[tool.coldforge]\nidentifier = "org.example.tiny"\n\n[tool.coldforge.smoke]\nrun = ["tiny"]\n',
        "src/tiny/__init__.py": 'def main() -> None:\n    print("tiny runs")\n',
        "requirements.txt": LOCK,
        "matrix.yml": matrix,
    }
    source = write(tmp_path_factory.mktemp("managers") / "tiny", files)
    (source / "README").write_text("in no commit, so that what follows may be changed\n")
    coldforge("build", source, "--out", source / "dist", "--no-smoke", env=container_env).succeeded()
    (record,) = read(source / "dist/manifest.json", Manifest).targets
    entries = ""
    for name, base, manager, recipe in (("suse", images.ZYPPER, "zypper", GLIBC_RPM), ("arch", images.PACMAN, "pacman", GLIBC_ARCH)):
        floor = record.glibc_floor.replace("glibc-", "GLIBC_")
        (source / "containers").mkdir(exist_ok=True)
        (source / "containers" / f"{name}.Dockerfile").write_text(recipe.lstrip().replace("GLIBC_FLOOR", floor))
        entries += f'[{name}]\nuse = "smoke"\nmanager = "{manager}"\nbase = "{images.image(base)}"\n'
        entries += f'dockerfile = "{name}.Dockerfile"\nglibc = "2.36"\n\n'
    (source / IMAGES).write_text(entries)
    return source


def smoke(source: Path, env: dict[str, str]) -> Outcome:
    return coldforge("smoke", source, "--out", source / "dist", env=env)


def proof(source: Path) -> Smoke:
    (record,) = read(source / "dist/manifest.json", Manifest).targets
    return record.smoke


def test_each_package_is_tried_by_its_own_manager(built: Path, container_env: dict[str, str]) -> None:
    smoke(built, container_env).succeeded()
    found = proof(built)
    assert [reason.partition(":")[0] for reason in found.unproven] == [
        "the apk was started from its files, not installed",
        "the flatpak was started from its files, not installed, and without its runtime and confinement",
        "the ipk was started from its files, not installed",
        "the snap was started from its files, not installed, and without its base and confinement",
    ]
    unpacked = ["tiny-0.1.0-linux-x86_64.tar.gz", "tiny-0.1.0-linux-x86_64.tar.zst"]
    unpacked += ["tiny-0.1.0.x86_64.ipk", "tiny-0.1.0.x86_64.apk", "tiny_0.1.0_amd64.snap", "tiny-0.1.0.x86_64.flatpak"]
    assert [trial.artifacts for trial in found.trials] == [
        ("tiny-0.1.0.x86_64.rpm", *unpacked), ("tiny-0.1.0.x86_64.pkg.tar.zst", *unpacked),
    ]  # fmt: skip
    logs = built / "dist/linux-x86_64/logs"
    assert (logs / "smoke-suse.log").read_text().count("tiny runs") == (logs / "smoke-arch.log").read_text().count("tiny runs") == 7
    assert "installing tiny" in (logs / "smoke-arch.log").read_text()
    assert "ln -s /snap/tiny/x1/usr/lib/tiny/tiny " in (logs / "smoke-arch.log").read_text()


def test_a_package_that_cannot_be_installed_is_refused_with_the_managers_words(built: Path, container_env: dict[str, str]) -> None:
    table = (built / IMAGES).read_text()
    pyproject = (built / "pyproject.toml").read_text()
    (built / "pyproject.toml").write_text(f'{pyproject}\n[tool.coldforge.arch]\ndepends = ["nowhere-to-be-had"]\n')
    (built / IMAGES).write_text(table[table.index("[arch]") :])
    coldforge("bundle", built, "--out", built / "dist", env=container_env).succeeded()
    smoke(built, container_env).failed(1, "tiny-0.1.0.x86_64.pkg.tar.zst cannot be installed", "nowhere-to-be-had")
