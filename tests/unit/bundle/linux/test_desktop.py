"""Menu entries and icons: which there are, what they are called, and that no text breaks them."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge.bundle.linux import desktop
from coldforge.project.config import Executable
from coldforge.project.desktop import Action, FileAssociation
from support import payloads

WINDOW, OTHER = Executable(name="demo-gui", entry="demo:gui", console=False), Executable(name="aid", entry="demo:aid", console=False)
CONSOLE = payloads.PRODUCT.executables[0]


def entries(folder: Path, **changes: object) -> dict[str, str]:
    found = desktop.files(replace(payloads.PRODUCT, **changes), folder)
    return {path: data.decode(errors="replace") for path, data in found}


def test_a_console_program_is_in_no_menu(tmp_path: Path) -> None:
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
    made = entries(tmp_path, executables=(CONSOLE, WINDOW), identifier="org.example.Demo", icon="icon.svg")
    assert set(made) == {"usr/share/applications/org.example.Demo.desktop"}
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


def test_what_opens_files_and_urls_says_so_with_one_field_code(tmp_path: Path) -> None:
    association = FileAssociation(mime_type="application/x-demo", extensions=("demo",))
    both = replace(WINDOW, url_schemes=("demo", "demo+x"), file_associations=(association,), startup_notify=False, window_class="Demo")
    text = entries(tmp_path, executables=(both,), generic_name="Shower", keywords=("a;b", "c"))["usr/share/applications/demo.desktop"]
    expected = {
        "Exec=demo-gui %U", "MimeType=application/x-demo;x-scheme-handler/demo;x-scheme-handler/demo+x;", "StartupWMClass=Demo",
        "StartupNotify=false", "GenericName=Shower", "Keywords=a\\;b;c;",
    }  # fmt: skip
    assert expected <= set(text.splitlines())
    only = entries(tmp_path, executables=(replace(WINDOW, file_associations=(association,)),))["usr/share/applications/demo.desktop"]
    assert {"Exec=demo-gui %F", "StartupWMClass=demo-gui"} <= set(only.splitlines())
    assert "StartupNotify" not in only


def test_a_console_program_that_opens_urls_has_an_entry_that_no_menu_shows(tmp_path: Path) -> None:
    made = entries(tmp_path, executables=(replace(CONSOLE, url_schemes=("demo",)), WINDOW))
    assert set(made) == {"usr/share/applications/demo.desktop", "usr/share/applications/demo.demo.desktop"}
    assert {"NoDisplay=true", "Terminal=true", "Exec=demo %U"} <= set(made["usr/share/applications/demo.demo.desktop"].splitlines())
    assert "NoDisplay" not in made["usr/share/applications/demo.desktop"]


def test_actions_are_groups_of_their_own(tmp_path: Path) -> None:
    actions = {"new": Action(name="New\nwindow", arguments=("--title", "it's 5% of $HOME")), "old": Action(name="Old")}
    text = entries(tmp_path, executables=(replace(WINDOW, actions=actions),))["usr/share/applications/demo.desktop"]
    assert "Actions=new;old;\n" in text
    assert text.endswith(
        "\n[Desktop Action new]\nName=New window\n"
        'Exec=demo-gui --title "it\'s 5%% of \\\\$HOME"\n\n[Desktop Action old]\nName=Old\nExec=demo-gui\n'
    )


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
