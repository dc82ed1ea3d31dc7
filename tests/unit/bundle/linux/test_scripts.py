"""What package managers run: nothing without need, and each moment in every family's words."""

from __future__ import annotations

from pathlib import Path

from coldforge.bundle.linux import scripts
from coldforge.bundle.tree import Node, Tree
from coldforge.project.linux import LinuxConfig, Scripts


def test_a_plain_package_has_no_scripts(tmp_path: Path) -> None:
    assert scripts.bodies(tmp_path, LinuxConfig(files={"/etc/x": "x"}, vendor="acme")) == {}
    assert scripts.with_caches({}, Tree(nodes=(Node(path="usr", mode=0o755),), epoch=0)) == {}


def test_a_service_starts_after_the_projects_script_and_stops_before_it(tmp_path: Path) -> None:
    (tmp_path / "own.sh").write_text("#!/bin/sh\nown work\n")
    config = LinuxConfig(units=("u/demo.service", "demo@.service"), scripts=Scripts(after_install="own.sh", before_remove="own.sh"))
    made = scripts.bodies(tmp_path, config)
    assert set(made) == {"after_install", "before_remove", "after_remove"}
    assert made["after_install"].index("own work") < made["after_install"].index("preset demo.service demo@.service")
    assert made["before_remove"].index("stop demo.service") < made["before_remove"].index("own work")
    assert "try-restart demo.service ||" in made["after_install"], "a template without an instance cannot run"


def test_units_of_users_are_never_started_or_stopped(tmp_path: Path) -> None:
    made = scripts.bodies(tmp_path, LinuxConfig(user_units=("demo.service",)))
    assert "systemctl --no-reload --global preset demo.service" in made["after_install"]
    assert "systemctl --no-reload --global disable demo.service" in made["before_remove"]
    assert not any("stop" in body or "restart" in body for body in made.values())


def test_opkg_brings_the_caches_up_to_date_that_there_are(tmp_path: Path) -> None:
    content = Tree(nodes=(Node(path="usr/share/mime", mode=0o755),), epoch=0)
    made = scripts.with_caches({"after_install": "first"}, content)
    assert set(made) == {"after_install", "after_remove"}
    assert made["after_install"].startswith("first\n! command -v update-mime-database")
    assert "update-desktop-database" not in made["after_install"]


def test_pacman_has_functions(tmp_path: Path) -> None:
    text = scripts.functions({"before_install": "a", "after_remove": "b"}).decode()
    assert "_before_install() (\nset -e\na\n)\n" in text
    assert "pre_upgrade() { _before_install upgrade; }\n" in text
    assert "post_remove() { _after_remove remove; }\n" in text
    assert "post_install" not in text
