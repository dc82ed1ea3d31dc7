"""Trees that Windows cannot hold, words that its formats are told in, and icons as it has them."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image

from coldforge.bundle.tree import Node, Tree
from coldforge.bundle.windows import ico, nsis
from coldforge.bundle.windows import shared as windows
from coldforge.errors import ConfigurationError, Refused
from coldforge.project.config import Executable
from support import payloads, rich


def tree(*paths: str, link: str = "") -> Tree:
    nodes = [Node(path=path, mode=0o644, size=1, source=Path("x")) for path in paths]
    return Tree(nodes=(*nodes, *([Node(path=link, mode=0o777, link="x")] if link else [])), epoch=0)


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (tree("a/aux.txt"), "a/aux.txt is the name of a device"),
        (tree("a/x:y"), "a/x:y has the character ':'"),
        (tree("a."), "a. ends with a dot or a blank"),
        (tree("README", "readme"), "README and readme differ in case only"),
        (tree("x", link="y"), "y is a symbolic link"),
        (tree("d/" + "x" * 200), "is 302 characters long where it is installed, Windows takes 259"),
    ],
)
def test_a_tree_that_windows_cannot_hold(found: Tree, problem: str) -> None:
    with pytest.raises(Refused, match=r"demo\.zip cannot be made") as caught:
        windows.check(found, "demo.zip", room=100)
    (only,) = caught.value.problems
    assert problem in only.what


def test_many_problems_are_counted() -> None:
    with pytest.raises(Refused) as caught:
        windows.check(tree(*(f"{number}/nul" for number in range(30))), "demo.zip")
    assert len(caught.value.problems) == 11
    assert caught.value.problems[-1].what == "and 20 more"


def test_a_long_path_is_counted_as_windows_does() -> None:
    windows.check(tree("x" * 159), "demo.zip", room=100)
    with pytest.raises(Refused):
        windows.check(tree("x" * 158 + "\N{GRINNING FACE}"), "demo.zip", room=100)


def test_an_installer_holds_two_gigabytes_and_its_own_uninstaller(tmp_path: Path) -> None:
    job = payloads.job(tmp_path, "tar.gz")
    large = Tree(nodes=(Node(path="x", mode=0o644, size=2**31, source=Path("x")),), epoch=0)
    with pytest.raises(Refused, match=r"the tree has 2\.1 GB") as caught:
        nsis.check(large, job)
    assert "`msi` or `zip`" in caught.value.hint
    with pytest.raises(Refused, match=r"the tree has a file uninstall\.exe"):
        nsis.check(tree("Uninstall.EXE"), job)


def test_the_names_of_shortcuts() -> None:
    windowed = Executable(name="demo-gui", entry="x", console=False)
    product = replace(payloads.PRODUCT, display_name="A: demo?", executables=(*payloads.PRODUCT.executables, windowed))
    assert [name for name, _ in windows.shown(product)] == ["A demo"]
    assert product.main is windowed
    assert payloads.PRODUCT.main is payloads.PRODUCT.executables[0]
    several = replace(product, executables=(windowed, replace(windowed, name="demo"), replace(windowed, name="other")))
    assert [name for name, _ in windows.shown(several)] == ["demo-gui", "A demo", "other"]
    assert several.main.name == "demo"
    assert windows.shown(payloads.PRODUCT) == ()


@pytest.mark.parametrize(("text", "name"), [("a/b", "a b"), ("con", "con app"), ("...", "app"), ("Größe & Co", "Größe & Co"), ("a. ", "a")])
def test_the_nearest_name_of_a_file(text: str, name: str) -> None:
    assert windows.file_name(text) == name


@pytest.mark.parametrize(
    ("word", "written"),
    [("a", "a"), ("", '""'), ("a b", '"a b"'), ("C:\\a b\\", '"C:\\a b\\\\"'), ('x\\"y', '"x\\\\\\"y"'), ("C:\\a\\", "C:\\a\\")],
)
def test_a_word_of_a_command_line(word: str, written: str) -> None:
    """As CommandLineToArgvW reads it: backslashes count only before a quotation mark."""
    assert windows.argument(word) == written


def test_texts_of_a_script_are_texts_only() -> None:
    assert nsis.quoted("a${NAME}\n'b'`c`") == "a${DOLLAR}{NAME} $\\'b$\\'$\\`c$\\`"
    assert nsis.defined('a "b" ${NAME} $x') == "a 'b' $$ {NAME} $$x"
    assert nsis.plain('a "b" ${NAME} $x') == "a 'b' $ {NAME} $x"


def test_an_icon_has_every_size(tmp_path: Path) -> None:
    (tmp_path / "icon.svg").write_text(rich.SVG)
    data = ico.made(tmp_path / "icon.svg")
    with Image.open(io.BytesIO(data), formats=["ICO"]) as image:
        assert image.info["sizes"] == {(size, size) for size in ico.SIZES}
        for size in ico.SIZES:
            picture = image.ico.getimage((size, size)).convert("RGBA")  # type: ignore[attr-defined]
            assert picture.getpixel((size // 2, size // 2)) == (0, 0x66, 0x33, 255)
            assert picture.getpixel((0, 0))[3] == 0
            assert picture.getpixel((size // 2, 1))[1] > 0, "it stands upright"
    assert struct.unpack_from("<HHH", data) == (0, 1, len(ico.SIZES))


def test_of_a_small_picture_nothing_large_is_made(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 40), (1, 2, 3, 255)).save(tmp_path / "icon.png")
    with Image.open(io.BytesIO(ico.made(tmp_path / "icon.png")), formats=["ICO"]) as image:
        assert image.info["sizes"] == {(size, size) for size in (16, 20, 24, 32, 40)}


def test_a_damaged_picture_is_told_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "icon.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ConfigurationError, match="the icon cannot be drawn") as caught:
        ico.made(tmp_path / "icon.png")
    assert str(caught.value.where) == str(tmp_path / "icon.png")
