"""Menu entries and icons: which there are, what they are called, and that no text breaks them."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge.bundle import desktop
from coldforge.project.config import Executable
from support import payloads

WINDOW, OTHER = Executable(name="demo-gui", entry="demo:gui", console=False), Executable(name="aid", entry="demo:aid", console=False)
CONSOLE = payloads.PRODUCT.executables[0]
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def entries(folder: Path, **changes: object) -> dict[str, str]:
    found = desktop.files(replace(payloads.PRODUCT, **changes), folder)
    return {path: data.decode(errors="replace") for path, data in found}


def test_a_console_program_is_in_no_menu(tmp_path: Path) -> None:
    (tmp_path / "icon.svg").write_text("<svg/>")
    assert entries(tmp_path, icon="icon.svg") == {}


def test_a_console_program_with_categories_starts_in_a_terminal(tmp_path: Path) -> None:
    second = Executable(name="another", entry="demo:other")
    made = entries(tmp_path, categories=("Education",), executables=(second, CONSOLE))
    assert list(made) == ["usr/share/applications/demo.desktop"]
    text = made["usr/share/applications/demo.desktop"]
    assert "Exec=demo\n" in text
    assert "Terminal=true\n" in text
    assert "Categories=Education;\n" in text
    assert "Icon=" not in text


def test_only_programs_with_windows_are_shown_and_by_the_identifier(tmp_path: Path) -> None:
    (tmp_path / "icon.svg").write_text("<svg/>")
    made = entries(tmp_path, executables=(CONSOLE, WINDOW), identifier="org.example.Demo", icon="icon.svg")
    assert set(made) == {"usr/share/applications/org.example.Demo.desktop", "usr/share/icons/hicolor/scalable/apps/org.example.Demo.svg"}
    text = made["usr/share/applications/org.example.Demo.desktop"]
    assert "\nExec=demo-gui\n" in text
    assert "\nTerminal=false\n" in text
    assert "\nIcon=org.example.Demo\n" in text
    assert "\nCategories=Utility;\n" in text


def test_several_windows_have_names_of_their_own(tmp_path: Path) -> None:
    made = entries(tmp_path, executables=(OTHER, WINDOW))
    assert list(made) == ["usr/share/applications/demo.aid.desktop", "usr/share/applications/demo.demo-gui.desktop"]
    assert ["Name=aid\n" in text for text in made.values()] == [True, False]


def test_no_text_becomes_a_key(tmp_path: Path) -> None:
    made = entries(tmp_path, executables=(WINDOW,), display_name="A\nExec=evil \\ B", summary="x\n[Desktop Action y]")
    lines = made["usr/share/applications/demo.desktop"].splitlines()
    assert [line for line in lines if line.startswith(("Exec", "["))] == ["[Desktop Entry]", "Exec=demo-gui"]
    assert "Name=A Exec=evil \\\\ B" in lines


@pytest.mark.parametrize(
    ("width", "path"),
    [
        (256, "usr/share/icons/hicolor/256x256/apps/x.png"),
        (512, "usr/share/icons/hicolor/512x512/apps/x.png"),
        (300, "usr/share/pixmaps/x.png"),
    ],
)
def test_an_icon_lies_where_its_size_is_looked_for(width: int, path: str) -> None:
    assert desktop.icon_path("x", "a/b.PNG", PNG + width.to_bytes(4, "big") * 2) == path


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), "Utility;"),
        (("Development", "IDE"), "Development;IDE;"),
        (("Video",), "Video;AudioVideo;"),
        (("AudioVideo", "Audio"), "AudioVideo;Audio;"),
        (("Utility", "Own thing;Exec=x"), "Utility;X-Own-thing-Exec-x;"),
        (("X-Own", "Screensaver"), "X-Own;X-Screensaver;"),
    ],
)
def test_categories_are_registered_or_marked(given: tuple[str, ...], expected: str) -> None:
    assert desktop.categories(given) == expected
