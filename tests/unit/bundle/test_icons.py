"""Icons: every size that the picture has the pixels for, transparent where it is, and the same bytes each time."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image

from coldforge.bundle import icons
from coldforge.bundle.linux import theme
from coldforge.errors import ConfigurationError
from coldforge.project.config import Executable, Product
from coldforge.project.desktop import FileAssociation
from support import payloads

WINDOW = Executable(name="demo", entry="demo:gui", console=False)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="10" height="5" fill="#f00"/></svg>'


def picture(size: int) -> bytes:
    """A PNG whose upper half is red, the lower one transparent."""
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, size, size // 2))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def made(folder: Path, name: str, data: bytes, **changes: object) -> dict[str, bytes]:
    (folder / name).write_bytes(data)
    product: Product = replace(payloads.PRODUCT, executables=(WINDOW,), icon=name, **changes)
    return dict(theme.files(product, folder))


@pytest.mark.parametrize(("size", "largest"), [(512, 512), (300, 256), (256, 256), (1024, 512), (40, 36), (16, 16)])
def test_a_png_is_never_made_larger(size: int, largest: int, tmp_path: Path) -> None:
    found = made(tmp_path, "icon.png", picture(size))
    expected = [each for each in theme.SIZES if each <= largest]
    assert list(found) == [f"usr/share/icons/hicolor/{each}x{each}/apps/demo.png" for each in expected]
    for each, data in zip(expected, found.values(), strict=True):
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            assert image.size == (each, each)
            assert (image.getpixel((each // 2, 1)), image.getpixel((each // 2, each - 2))) == ((255, 0, 0, 255), (0, 0, 0, 0))


def test_the_size_that_is_given_is_taken_as_it_is(tmp_path: Path) -> None:
    data = picture(64)
    assert made(tmp_path, "icon.png", data)["usr/share/icons/hicolor/64x64/apps/demo.png"] == data


@pytest.mark.parametrize("mode", ["RGB", "P", "L", "LA", "1", "I;16"])
def test_every_kind_of_png_is_read(mode: str, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    (Image.new("I;16", (64, 64), 40_000) if mode == "I;16" else Image.open(io.BytesIO(picture(64))).convert(mode)).save(buffer, "PNG")
    found = made(tmp_path, "icon.png", buffer.getvalue())
    with Image.open(io.BytesIO(found["usr/share/icons/hicolor/32x32/apps/demo.png"])) as image:
        assert (image.size, image.mode) == ((32, 32), "RGBA")


def test_an_svg_is_kept_and_drawn_in_every_size(tmp_path: Path) -> None:
    found = made(tmp_path, "icon.svg", SVG.encode())
    assert found.pop("usr/share/icons/hicolor/scalable/apps/demo.svg") == SVG.encode()
    assert list(found) == [f"usr/share/icons/hicolor/{each}x{each}/apps/demo.png" for each in theme.SIZES]
    with Image.open(io.BytesIO(found["usr/share/icons/hicolor/48x48/apps/demo.png"])) as image:
        assert (image.getpixel((24, 2)), image.getpixel((24, 46))) == ((255, 0, 0, 255), (0, 0, 0, 0))


def test_what_was_drawn_is_drawn_again_only_from_another_picture_or_by_another_library(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, scaled = list[tuple[int, ...]](), icons._scaled

    def counted(data: bytes, sizes: tuple[int, ...]) -> dict[int, bytes]:
        drawn.append(sizes)
        return scaled(data, sizes)

    monkeypatch.setattr(icons, "_scaled", counted)
    data = picture(50)
    for times, sizes, tool, given in ((1, (16,), "a", data), (1, (16,), "a", data), (2, (16, 32), "a", data), (3, (16,), "b", data),
                                      (4, (16,), "a", picture(51)), (4, (16,), "a", data)):  # fmt: skip
        icons.rendered.cache_clear()
        monkeypatch.setattr(icons, "tool", lambda tool=tool: tool)
        assert icons.rendered(given, scalable=False, sizes=sizes) == scaled(given, sizes)
        assert len(drawn) == times


@pytest.mark.parametrize(("name", "data"), [("icon.png", picture(64)[:80]), ("icon.png", b"\x89PNG\r\n\x1a\n"), ("icon.svg", b"<svg><g>")])
def test_a_damaged_picture_is_told_with_its_name(name: str, data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the icon cannot be drawn") as caught:
        made(tmp_path, name, data)
    assert caught.value.where is not None
    assert caught.value.where.path == tmp_path / name


def test_the_same_picture_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, data in (("icon.png", picture(300)), ("icon.svg", SVG.encode())):
        before = made(tmp_path, name, data)
        icons.rendered.cache_clear()
        assert made(tmp_path, name, data) == before


def test_icons_of_files_lie_among_those_of_types(tmp_path: Path) -> None:
    (tmp_path / "file.png").write_bytes(picture(32))
    known = FileAssociation(mime_type="text/plain", icon="file.png")
    own = FileAssociation(mime_type="application/x-demo", extensions=("demo",), icon="file.png")
    found = made(tmp_path, "icon.png", picture(16), identifier="org.example.demo")
    assert set(found) == {"usr/share/icons/hicolor/16x16/apps/org.example.demo.png"}
    product = replace(payloads.PRODUCT, executables=(replace(WINDOW, file_associations=(known, own)),))
    sizes = (16, 22, 24, 32)
    assert set(dict(theme.files(product, tmp_path))) == {f"usr/share/icons/hicolor/{n}x{n}/mimetypes/application-x-demo.png" for n in sizes}
    assert icons.sources(product) == ("file.png",)
