"""What a package manager runs when it installs, upgrades or removes: scripts of the project, and what units of systemd need.

Menus, icons and kinds of files are seen to by triggers of dpkg, pacman and apk, and by file triggers of rpm; opkg has none.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from coldforge.bundle.tree import Tree
from coldforge.project.linux import LinuxConfig, Scripts

MOMENTS: Final = Scripts.__struct_fields__
# How a script finds out why it runs, and makes that its one argument: install, upgrade or remove. It ends when there is nothing to do.
# A package that was removed and not purged has a last version to dpkg, as in an upgrade: only preinst is told which it is, and leaves word.
_ANEW: Final = '"/run/$DPKG_MAINTSCRIPT_PACKAGE.install"'
DPKG: Final = {
    "before_install": f"""case "$1" in
install) set -- install; touch {_ANEW} || true ;;
upgrade) set -- upgrade; rm -f {_ANEW} ;;
*) exit 0 ;;
esac""",
    "after_install": f"""[ "$1" = configure ] || exit 0
if rm {_ANEW} 2>/dev/null || [ -z "$2" ]; then set -- install; else set -- upgrade; fi""",
    "before_remove": '[ "$1" = remove ] || exit 0\nset -- remove',
    "after_remove": '[ "$1" = remove ] || exit 0\nset -- remove',
}  # deb-preinst(5) and its kin
_RPM_INSTALL: Final = 'if [ "$1" -gt 1 ]; then set -- upgrade; else set -- install; fi'
_RPM_REMOVE: Final = '[ "$1" -eq 0 ] || exit 0\nset -- remove'
RPM: Final = {
    "before_install": _RPM_INSTALL,
    "after_install": _RPM_INSTALL,
    "before_remove": _RPM_REMOVE,
    "after_remove": _RPM_REMOVE,
}  # the argument is how many of the package there will be: https://docs.fedoraproject.org/en-US/packaging-guidelines/Scriptlets/
_OPKG_INSTALL: Final = 'if [ "$PKG_UPGRADE" = 1 ] || [ "$1" = upgrade ]; then set -- upgrade; else set -- install; fi'
_OPKG_REMOVE: Final = 'if [ "$PKG_UPGRADE" = 1 ] || [ "$1" = upgrade ]; then exit 0; fi\nset -- remove'
OPKG: Final = {
    "before_install": _OPKG_INSTALL,
    "after_install": _OPKG_INSTALL,
    "before_remove": _OPKG_REMOVE,
    "after_remove": _OPKG_REMOVE,
}  # OpenWrt's opkg sets the variable, Yocto's gives the word
_CACHES: Final = {
    "usr/share/applications": "update-desktop-database -q",
    "usr/share/mime": "update-mime-database",
    "usr/share/icons/hicolor": "gtk-update-icon-cache -q -t -f",
}


def bodies(project: Path, config: LinuxConfig) -> dict[str, str]:
    """The shell text of each moment at which there is something to do; `$1` is install, upgrade or remove."""
    made = {}
    for moment in MOMENTS:
        own = getattr(config.scripts, moment)
        parts = [_project(project / own)] if own else []
        units = _units(config).get(moment, "")
        # a service runs with the files that the project's script has made ready, and stops before they are taken away
        parts = [*parts, units] if moment == "after_install" else [units, *parts]
        if text := "\n".join(filter(None, parts)):
            made[moment] = text
    return made


def _project(path: Path) -> str:
    """The project's own script: its `exit` ends itself only."""
    return f"(\n{path.read_text(encoding='utf-8').rstrip()}\n)"


def _units(config: LinuxConfig) -> dict[str, str]:
    """A unit starts with the system if that is the distribution's policy (systemd.preset(5)), and runs on with the new files if it ran."""
    system = [Path(unit).name for unit in config.units]
    user = [Path(unit).name for unit in config.user_units]
    if not system and not user:
        return {}
    reload = "[ ! -d /run/systemd/system ] || systemctl daemon-reload || true"
    lists = [(name, shlex.join(units)) for name, units in (("--system", system), ("--global", user)) if units]
    running = shlex.join(unit for unit in system if "@." not in unit)
    restart = f"[ ! -d /run/systemd/system ] || systemctl try-restart {running} || true" if running else ":"
    preset = "\n".join(f"  systemctl --no-reload {scope} preset {units} >/dev/null 2>&1 || true" for scope, units in lists)
    disable = "\n".join(f"  systemctl --no-reload {scope} disable {units} >/dev/null 2>&1 || true" for scope, units in lists)
    stop = f"  [ ! -d /run/systemd/system ] || systemctl stop {running} || true\n" if running else ""
    return {
        "after_install": _if_systemd(f'  {reload}\n  if [ "$1" = install ]; then\n{preset}\n  else\n  {restart}\n  fi'),
        "before_remove": _if_systemd(f"{stop}{disable}"),
        "after_remove": _if_systemd(f"  {reload}"),
    }


def _if_systemd(text: str) -> str:
    return f"if command -v systemctl >/dev/null 2>&1; then\n{text}\nfi"


def with_caches(made: Mapping[str, str], content: Tree) -> dict[str, str]:
    """The same with the caches of what is installed brought up to date, for package managers that do not do that."""
    folders = {node.path for node in content if node.is_directory}
    lines = [
        f'! command -v {command.split()[0]} >/dev/null 2>&1 || {command} "$IPKG_INSTROOT/{folder}" || true'
        for folder, command in _CACHES.items()
        if folder in folders
    ]
    if not lines:
        return dict(made)
    return {**made, **{m: "\n".join(filter(None, [made.get(m, ""), *lines])) for m in ("after_install", "after_remove")}}


def script(body: str, entry: str) -> bytes:
    """A whole script for a package manager that runs one file for each moment."""
    return f"#!/bin/sh\nset -e\n{entry}\n{body}\n".encode()


def functions(made: Mapping[str, str]) -> bytes:
    """The functions of pacman's `.INSTALL` (alpm-install-scriptlet(5)), each of which is its own process."""
    calls = {
        "before_install": (("pre_install", "install"), ("pre_upgrade", "upgrade")),
        "after_install": (("post_install", "install"), ("post_upgrade", "upgrade")),
        "before_remove": (("pre_remove", "remove"),),
        "after_remove": (("post_remove", "remove"),),
    }
    parts = []
    for moment, body in made.items():
        parts.append(f"_{moment}() (\nset -e\n{body}\n)\n")
        parts += [f"{name}() {{ _{moment} {word}; }}\n" for name, word in calls[moment]]
    return "\n".join(parts).encode()
