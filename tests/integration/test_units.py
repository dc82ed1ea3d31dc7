"""Units of systemd that a package brings: right for systemd itself, enabled by its policy, and gone with the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.bundle.stage import bundle_target
from support import images, payloads, rich
from support.bare import Bare, bare

pytestmark = pytest.mark.integration
UNITS = "/usr/lib/systemd/system"
ENABLED = r"find /etc/systemd -type l -printf '%P -> %l\n' | grep demo | sort"


def package(folder: Path, version: str) -> Path:
    """The rich product for Debian, with units for the system and for each user."""
    plan, payload = rich.make(folder, version=version)
    (artifact,) = (artifact for artifact in plan.targets[0].artifacts if artifact.format == "deb")
    bundle_target(plan, plan.targets[0], payload, project=folder, out=folder / "dist", asked={artifact.name})
    return folder / "dist" / payloads.TARGET / artifact.name


def install(system: Bare, path: Path) -> None:
    """By dpkg alone: of the libraries that the package asks for, nothing here is started."""
    system.put(path.name, path.read_bytes(), "/tmp")
    system.do(f"DEBIAN_FRONTEND=noninteractive dpkg --install --force-depends /tmp/{path.name}")


def test_units_are_verified_enabled_kept_and_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDFORGE_CACHE", str(tmp_path / "cache"))
    old, new = package(tmp_path / "old", "1.2.0rc1"), package(tmp_path / "new", "1.2.0")
    with bare(images.image(images.BARE_WITH_SYSTEMD)) as system:
        before = system.snapshot()
        install(system, old)
        verified = system.do(f"systemd-analyze verify --man=no {UNITS}/demo.service {UNITS}/demo@one.service {UNITS}/demo.timer 2>&1")
        assert "demo" not in verified, verified
        assert "demo" not in system.do(
            "XDG_RUNTIME_DIR=/tmp systemd-analyze verify --user --man=no /usr/lib/systemd/user/demo-user.service 2>&1"
        )
        enabled = system.do(ENABLED).replace("-> /lib/", "-> /usr/lib/").splitlines()
        assert f"system/multi-user.target.wants/demo.service -> {UNITS}/demo.service" in enabled
        system.do("systemctl disable demo.service")
        install(system, new)  # an upgrade leaves it to the user
        kept = system.run(ENABLED).text
        assert "demo.service" not in kept
        assert system.run("systemctl is-enabled demo.service").text.strip() == "disabled"
        system.do("systemctl enable demo.service")
        system.do("dpkg --remove --force-depends demo")
        assert system.run(ENABLED).text == ""
        install(system, new)  # dpkg knows a last version, but it is an installation all the same
        assert "system/multi-user.target.wants/demo.service" in system.do(ENABLED)
        system.do("dpkg --remove --force-depends demo")
        assert system.run(ENABLED).text == ""
        system.do("dpkg --purge demo")
        assert [line for line in system.snapshot() if line not in before] == []


def test_a_unit_that_systemd_refuses_would_be_seen(tmp_path: Path) -> None:
    """What is asserted above is no empty word: `verify` does say something of a wrong unit."""
    del tmp_path
    with bare(images.image(images.BARE_WITH_SYSTEMD)) as system:
        system.put("demo.service", b"[Service]\nExecStart=nowhere\n", UNITS)
        assert "demo.service" in system.run(f"systemd-analyze verify --man=no {UNITS}/demo.service 2>&1").text
