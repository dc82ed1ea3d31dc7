"""Every package is installed by its own package manager in a bare system: started, checked, upgraded, removed with nothing left."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge.bundle.linux import nfpm
from coldforge.bundle.stage import bundle_target
from support import images, payloads
from support.bare import USER, Bare, bare

pytestmark = pytest.mark.integration
OLD, NEW = "1.2.0rc1", "1.2.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """A package manager in a system: what it is told. `{}` is the package's file."""

    base: images.Base
    form: str
    install: str
    check: str
    remove: str
    query: str
    versions: tuple[str, str]
    older: str
    """Installing the older package over the newer one."""
    warning: str
    """What is then said: the versions are understood. apt and rpm refuse, pacman does what it is told with a file."""


def debian(base: images.Base) -> Manager:
    return Manager(
        base=base,
        form="deb",
        install="DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends {}",
        check="dpkg -V demo",
        remove="apt-get purge -y demo",
        query="dpkg-query -W -f '${Version}' demo",
        versions=("1.2.0~rc.1-1", "1.2.0-1"),
        older="DEBIAN_FRONTEND=noninteractive apt-get install -y {}",
        warning="Packages were downgraded and -y was used without --allow-downgrades",
    )


SYSTEMS = {
    "debian-11": debian(images.BARE_11),
    "debian-12": debian(images.BARE),
    "debian-13": debian(images.BARE_13),
    "dnf": Manager(
        base=images.MANAGERS,
        form="rpm",
        install="PYTHONDONTWRITEBYTECODE=1 dnf install -y -q --disablerepo='*' --nogpgcheck {}",
        check="rpm -V demo",
        remove="PYTHONDONTWRITEBYTECODE=1 dnf remove -y -q --disablerepo='*' demo",
        query="rpm -q --qf '%{VERSION}-%{RELEASE}' demo",
        versions=("1.2.0~rc.1-1", "1.2.0-1"),
        older="rpm -U {}",
        warning="which is newer than demo-1.2.0~rc.1-1.x86_64) is already installed",
    ),
    "pacman": Manager(
        base=images.MANAGERS,
        form="arch",
        install="pacman -U --noconfirm --assume-installed glibc=2.36 {}",
        check="pacman -Qkkq demo",
        remove="pacman -R --noconfirm demo",
        query="pacman -Q demo | cut -d ' ' -f 2 | tr -d '\\n'",
        versions=("1.2.0rc1-1", "1.2.0-1"),
        older="pacman -U --noconfirm --assume-installed glibc=2.36 {}",
        warning="downgrading package demo (1.2.0-1 => 1.2.0rc1-1)",
    ),
}


FORMATS = {manager.form for manager in SYSTEMS.values()}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """Packages of two versions, by format and version."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLDFORGE_CACHE", str(tmp_path_factory.mktemp("cache")))
        for version in (OLD, NEW):
            folder = tmp_path_factory.mktemp("project")
            plan, payload = payloads.make(folder, replace(payloads.PRODUCT, version=version))
            asked = [artifact.name for artifact in plan.targets[0].artifacts if artifact.format in FORMATS]
            for artifact in bundle_target(plan, plan.targets[0], payload, project=folder, out=folder / "dist", asked=asked):
                made[artifact.format, version] = folder / "dist" / artifact.path
    return made


@pytest.fixture(params=SYSTEMS, ids=str)
def manager(request: pytest.FixtureRequest) -> Manager:
    return SYSTEMS[str(request.param)]


@pytest.fixture
def system(manager: Manager, tmp_path: Path) -> Iterator[Bare]:
    with bare(images.image(manager.base)) as made:
        made.do("mkdir -p /usr/share/licenses && touch /usr/share/licenses/other")  # which is there in every other distribution
        if manager.form == "rpm":  # Debian's own glibc is in no rpm database: a package says that it is there
            told = {"name": "glibc", "arch": "amd64", "version": "2.36", "maintainer": "a <a@example.org>", "description": "stub"}
            (tmp_path / "stub.json").write_text(json.dumps({**told, "provides": ["libc.so.6(GLIBC_2.31)(64bit)"]}))
            words: list[str | Path] = [
                nfpm.executable(),
                "package",
                "-f",
                tmp_path / "stub.json",
                "-p",
                "rpm",
                "-t",
                tmp_path / "glibc.rpm",
            ]
            subprocess.run(words, check=True, capture_output=True)
            made.put("glibc.rpm", (tmp_path / "glibc.rpm").read_bytes(), "/tmp")
            made.do("rpm -i /tmp/glibc.rpm")
        yield made


def test_it_is_installed_started_upgraded_and_removed(manager: Manager, system: Bare, packages: dict[tuple[str, str], Path]) -> None:
    names = []
    for version in (OLD, NEW):
        package = packages[manager.form, version]
        system.put(package.name, package.read_bytes(), "/tmp")
        names.append(f"/tmp/{package.name}")
    before = system.snapshot()
    for name, version in zip(names, manager.versions, strict=True):
        system.do(manager.install.format(name))
        assert system.do(manager.query) == version
        assert system.do("demo", user=USER) == "it runs\n"
        assert system.do("cat '/usr/lib/demo/_internal/data/ back\\slash ~%s'\\''\"'", user=USER) == "strange\n"
        assert system.do("readlink /usr/lib/demo/_internal/libthing.so", user=USER) == "lib/libthing.so.1\n"
        assert system.do(manager.check) == ""
    assert manager.warning in system.run(manager.older.format(names[0])).text
    system.do(manager.remove)
    assert system.run(manager.query).text not in manager.versions
    assert system.snapshot() == before
