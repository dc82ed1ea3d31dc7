"""What is at the top of an AppImage, and which programs may begin one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image

from coldforge.bundle.linux import appimage, runtime
from coldforge.bundle.tree import Node, load
from coldforge.errors import Missing, Refused
from coldforge.filetypes import sections
from coldforge.host import cache
from coldforge.project.config import Config, Executable, Product
from coldforge.target import Target
from support import payloads, runtimes

TARGET = Target.parse(payloads.TARGET)
WINDOWED = replace(payloads.PRODUCT, identifier="org.example.demo", icon="icon.png", executables=(
    Executable(name="demo", entry="d:m"), Executable(name="show", entry="d:s", console=False)))  # fmt: skip


def laid_out(folder: Path, product: Product) -> dict[str, Node]:
    job = payloads.job(folder, "appimage", product)
    Image.new("RGB", (300, 300), "red").save(folder / "icon.png")
    (folder / "scratch").mkdir()
    tree = load(job.payload, job.folder / "payload", payloads.EPOCH)
    return {node.path: node for node in appimage.layout(job, tree, folder / "scratch")}


def text(node: Node) -> str:
    assert node.source
    return node.source.read_text()


def test_a_program_of_the_terminal_is_shown_in_no_menu_and_has_a_plain_icon(tmp_path: Path) -> None:
    found = laid_out(tmp_path, payloads.PRODUCT)
    assert (found["AppRun"].link, found[".DirIcon"].link) == ("usr/lib/demo/demo", "demo.svg")
    assert [path for path in found if "/" not in path and found[path].source] == ["demo.desktop", "demo.svg"]
    assert {"Exec=demo", "Terminal=true", "NoDisplay=true", "Icon=demo"} <= set(text(found["demo.desktop"]).splitlines())
    assert text(found["demo.svg"]).startswith("<svg")
    assert "usr/lib/demo/_internal/empty" in found


def test_a_program_with_windows_is_the_one_that_is_started(tmp_path: Path) -> None:
    found = laid_out(tmp_path, WINDOWED)
    assert (found["AppRun"].link, found[".DirIcon"].link) == (
        "usr/lib/demo/show",
        "usr/share/icons/hicolor/256x256/apps/org.example.demo.png",
    )
    assert found["org.example.demo.png"].source
    entry = text(found["org.example.demo.desktop"])
    assert {"Exec=show", "Terminal=false", "Icon=org.example.demo"} <= set(entry.splitlines())
    assert [line for line in text(found["usr/share/applications/org.example.demo.desktop"]).splitlines() if line not in entry] == [
        "TryExec=show"
    ]
    assert "usr/share/metainfo/org.example.demo.metainfo.xml" in found
    assert found["usr/bin/demo"].link == "../lib/demo/demo"


def test_an_entry_without_an_icon_gets_the_one_that_is_there(tmp_path: Path) -> None:
    found = laid_out(tmp_path, replace(WINDOWED, icon=""))
    assert text(found["org.example.demo.desktop"]).splitlines()[:2] == ["[Desktop Entry]", "Icon=org.example.demo"]
    assert found[".DirIcon"].link == "org.example.demo.svg"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"#!/bin/sh\n" + bytes(99), "no ELF program"),
        (runtimes.by_hand()[:40], "no ELF program"),
        (runtimes.by_hand(mark=b""), "no mark of a runtime"),
        (runtimes.by_hand(machine=183), "another architecture"),
        (runtimes.by_hand(tail=b"more"), "would look for the image at"),
        (runtimes.by_hand()[:-200], "would look for the image at"),
    ],
)
def test_what_cannot_begin_an_appimage_is_refused(data: bytes, words: str, tmp_path: Path) -> None:
    runtimes.pin(tmp_path, data)
    with pytest.raises(Refused, match="cannot begin an AppImage of linux-x86_64") as caught:
        runtime.content(TARGET, tmp_path)
    assert words in caught.value.why


def test_a_runtime_that_changed_is_refused(tmp_path: Path) -> None:
    runtimes.pin(tmp_path, runtimes.by_hand())
    assert runtime.content(TARGET, tmp_path) == runtimes.by_hand()
    (tmp_path / "containers/runtime").write_bytes(runtimes.by_hand(room=2048))
    with pytest.raises(Refused, match="is not what is pinned"):
        runtime.bring(TARGET, tmp_path)
    (tmp_path / "containers/runtime").unlink()
    with pytest.raises(Missing, match="is not here"):
        runtime.bring(TARGET, tmp_path)


def test_what_was_fetched_is_taken_from_the_cache_and_nothing_is_fetched_where_the_network_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLDFORGE_CACHE", str(tmp_path / "cache"))
    data = runtimes.by_hand()
    digest = hashlib.sha256(data).hexdigest()
    runtimes.pin(tmp_path, data)
    toml = tmp_path / "containers/images.toml"
    toml.write_text(toml.read_text().replace('file = "runtime"', 'url = "https://host.example/runtime"'))
    with pytest.raises(Missing, match="'own' is not here") as caught:
        runtime.content(TARGET, tmp_path)
    assert caught.value.why == "https://host.example/runtime"
    assert "`coldforge build` fetches" in caught.value.hint
    cache.store("input", digest, tmp_path / "containers/runtime")
    assert runtime.content(TARGET, tmp_path) == data
    runtime.bring(TARGET, tmp_path)


def test_update_information_has_a_place_in_the_runtime() -> None:
    data = runtimes.by_hand()
    changed = runtime.with_update(data, "zsync|https://host.example/demo.AppImage.zsync")
    assert len(changed) == len(data)
    (place,) = [section for section in sections.of(changed) if section.name == ".upd_info"]
    written = changed[place.offset : place.offset + place.size]
    assert written.rstrip(b"\0") == b"zsync|https://host.example/demo.AppImage.zsync"
    assert changed[: place.offset] + bytes(runtimes.ROOM) + changed[place.offset + place.size :] == data
    with pytest.raises(Refused, match="1023 bytes of room"):
        runtime.with_update(data, "zsync|" + "x" * 1018)
    with pytest.raises(Refused, match="has no section"):
        runtime.with_update(data.replace(b".upd_info", b".upd_none"), "zsync|x")


def test_update_information_is_of_a_known_kind() -> None:
    import msgspec

    for good in ("", "zsync|https://x/y.zsync", "gh-releases-zsync|o|r|latest|demo-*.AppImage.zsync"):
        assert msgspec.convert({"appimage": {"update": good}}, Config).appimage.update == good
    for bad in ("https://x", "zsync|", "zsync|a b", "pling-v1-zsync|1"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"appimage": {"update": bad}}, Config)
