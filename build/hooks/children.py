"""Runs in a frozen program before its own code: what `subprocess` starts is not led into the bundle.

PyInstaller's own hooks, which run later, lead GTK, Qt, Tk and others into the bundle by variables. Their libraries read these when they
like, so the variables stay in this process. A child, which may well be another program of GTK's or Qt's, gets what the user had; one that
is this program again sets them again. A value that the program itself has made for its child stays.
"""

import sys


def children() -> None:
    """Have Popen put back what leads into the bundle. All names stay in here: this runs in the program's `__main__`."""
    import os
    from subprocess import Popen

    # What PyInstaller 6.22 and its contributed hooks set, where it means something to programs outside of the bundle.
    names = (
        "ENCHANT_PREFIX_DIR", "GDAL_DATA", "GDK_PIXBUF_MODULE_FILE", "GIO_MODULE_DIR", "GI_TYPELIB_PATH", "GST_PLUGIN_PATH",
        "GST_PLUGIN_SYSTEM_PATH", "GST_REGISTRY", "GTK_DATA_PREFIX", "GTK_EXE_PREFIX", "GTK_PATH", "OPENSSL_MODULES", "PANGO_LIBDIR",
        "PANGO_SYSCONFDIR", "PROJ_LIB", "QML2_IMPORT_PATH", "QT_PLUGIN_PATH", "TCL_LIBRARY", "TK_LIBRARY", "XDG_DATA_DIRS",
    )  # fmt: skip
    bundle: str = sys._MEIPASS  # type: ignore[attr-defined]  # noqa: SLF001  # its documented name
    users = {name: os.environ.get(name) for name in names}
    start = Popen.__init__

    def is_led(name: str, value: object) -> bool:
        """Whether a hook has set it: into the bundle, or, as GStreamer's does, to nowhere."""
        return name in users and value != users[name] and (value == "" or bundle in str(value))

    def outside(given: object) -> object:
        """The environment of a child, as `subprocess` takes it: None is this process' own."""
        environment = dict(os.environ if given is None else given)  # type: ignore[call-overload]
        led = [name for name, value in environment.items() if is_led(name, value)]
        own = {name: users[name] for name in led if users[name] is not None}
        return {**{name: value for name, value in environment.items() if name not in led}, **own} if led else given

    def start_outside(self: Popen[str], *words: object, **named: object) -> None:
        """As Popen does it; `env` comes by its name, or as the eleventh."""
        if len(words) > 10:
            words = (*words[:10], outside(words[10]), *words[11:])
        else:
            named["env"] = outside(named.get("env"))
        start(self, *words, **named)  # type: ignore[call-overload]

    Popen.__init__ = start_outside  # type: ignore[assignment,method-assign]


if sys.platform == "linux":
    children()
del children
