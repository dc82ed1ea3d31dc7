"""A window of GTK's: an icon of its theme, a file of this package's drawn by a loader of gdk-pixbuf's, and what cairo draws."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gi

gi.require_version("GdkPixbuf", "2.0")
gi.require_version("GdkX11", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import GdkPixbuf, GdkX11, Gio, Gtk  # noqa: E402  # what it is depends on the version

BANDS = ((0.2, 0.4, 0.8), (0.8, 0.6, 0.2))


def draw(area: Gtk.DrawingArea, context: object) -> None:
    """Bands of colours, one above the other."""
    height = area.get_allocated_height() / len(BANDS)
    for number, colour in enumerate(BANDS):
        context.set_source_rgb(*colour)
        context.rectangle(0, number * height, area.get_allocated_width(), height)
        context.fill()


def board() -> Gtk.Window:
    """The window. Raises RuntimeError when a part of GTK's does not work."""
    if not Gtk.IconTheme.get_default().has_icon("weather-clear-symbolic"):
        raise RuntimeError("GTK finds no icons")
    if Gio.SettingsSchemaSource.get_default().lookup("org.gtk.Settings.FileChooser", True) is None:
        raise RuntimeError("GTK finds no schemas of settings")
    if getattr(sys, "_MEIPASS", "none") in subprocess.run(["env"], capture_output=True, text=True, check=True).stdout:
        raise RuntimeError("programs that are started are led into the bundle")
    picture = GdkPixbuf.Pixbuf.new_from_file(str(Path(__file__).with_name("weather.svg")))
    drawing = Gtk.DrawingArea()
    drawing.set_size_request(300, 80)
    drawing.connect("draw", draw)
    column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=12, border_width=12)
    for widget in (
        Gtk.Label(label="The weather today"),
        Gtk.Image.new_from_icon_name("weather-clear-symbolic", Gtk.IconSize.DIALOG),
        Gtk.Image.new_from_pixbuf(picture),
        drawing,
    ):
        column.pack_start(widget, False, False, 0)
    window = Gtk.Window(title="The weather today")
    window.add(column)
    window.connect("destroy", Gtk.main_quit)
    return window


def main() -> int:
    """Show the board until it is closed."""
    if not Gtk.init_check(sys.argv)[0]:
        raise RuntimeError("GTK finds no display")
    window = board()
    window.realize()
    if isinstance(window.get_window(), GdkX11.X11Window):  # a namespace that PyInstaller has no hook for
        window.set_title(f"{window.get_title()}, by X11")
    window.show_all()
    Gtk.main()
    return 0
