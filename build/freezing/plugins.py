"""Qt's plugins are collected by groups, whatever the program needs: those that cannot be loaded where it is frozen are left out.

Qt goes on without a plugin whose libraries are not there (no printing without CUPS, no GTK theme without GTK), so a program that lacks
one is what its maker has tried. What shows windows stays: without a library of it there is no program, and PyInstaller says which.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

LEFT_OUT = "Qt plugin %s is left out: it needs %s, which this system does not have"
SHOWS_WINDOWS = ("libqxcb", "libqwayland")


def install() -> None:
    """Wrap PyInstaller's collector; its hooks for every binding of Qt's use it."""
    from PyInstaller.depend import bindepend, dylib
    from PyInstaller.utils.hooks.qt import QtLibraryInfo

    original = QtLibraryInfo.collect_plugins

    def collect_plugins(self: Any, plugin_type: str) -> list[tuple[str, str]]:
        found = []
        for source, destination in original(self, plugin_type):
            imports = bindepend.get_imports(str(source), search_paths=[self.qt_lib_dir])
            # what PyInstaller always leaves to the system is no reason
            lacking = sorted(name for name, path in imports if path is None and dylib.include_library(name))
            if lacking and not Path(source).name.startswith(SHOWS_WINDOWS):
                logging.getLogger("PyInstaller.freezing").warning(LEFT_OUT, f"{plugin_type}/{Path(source).name}", ", ".join(lacking))
            else:
                found.append((source, destination))
        return found

    QtLibraryInfo.collect_plugins = collect_plugins
