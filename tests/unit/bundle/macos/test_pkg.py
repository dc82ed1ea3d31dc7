"""`pkg`: the archive, its bill of materials and its payload, and what the Installer is told."""

from __future__ import annotations

import dataclasses
import io
import struct
import zlib
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, fromstring

import pytest
from msgspec.structs import replace

from coldforge.bundle import stage
from coldforge.bundle.macos import bom, hfs, pkg
from coldforge.bundle.tree import Node, Tree
from coldforge.errors import BuildFailed, ConfigurationError, Refused
from coldforge.filetypes import xar
from coldforge.inspect.look import inspect
from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, Executable, Matrix, Product, TargetConfig
from coldforge.project.pkg import PkgConfig
from coldforge.rebuild.compare import compare
from coldforge.records import SourceRecord
from support import bom as bills
from support import mac, payloads

WHOLE: Final = Config(
    pkg=PkgConfig(title="Démo & more", license="agreement.txt", background="picture.png", preinstall="pre", postinstall="post.sh")
)
TOOLS: Final[Product] = replace(mac.PRODUCT, executables=(Executable(name="demo", entry="demo"),))


def made(folder: Path, product: Product = mac.PRODUCT, config: Config = WHOLE, *, reverse: bool = False) -> Path:
    job = mac.job(folder / "project", "pkg", product, config)
    (folder / "project" / "pre").write_text("#!/bin/sh\ntrue\n")
    (folder / "project" / "post.sh").write_text("#!/bin/sh\necho done\n")
    return mac.made(job, mac.tree(folder / "tree", reverse=reverse))


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("pkg"))


def parts(path: Path) -> dict[str, bytes]:
    with path.open("rb") as stream:
        return {entry.path: b"".join(xar.content(stream, entry)) for entry in xar.entries(stream)[1]}


def document(path: Path, name: str) -> Element:
    return fromstring(parts(path)[name])


def attribute(element: Element, path: str, name: str) -> str | None:
    found = element.find(path)
    assert found is not None, path
    return found.get(name)


def test_two_packages_are_the_same(package: Path, tmp_path: Path) -> None:
    with mac.elsewhere():
        again = made(tmp_path / "größe", reverse=True)
    assert again.read_bytes() == package.read_bytes()


def test_it_has_the_parts_in_their_places(package: Path) -> None:
    assert sorted(parts(package)) == [
        "Distribution",
        "Resources/background.png",
        "Resources/license.txt",
        "demo.pkg/Bom",
        "demo.pkg/PackageInfo",
        "demo.pkg/Payload",
        "demo.pkg/Scripts",
    ]


def test_the_bill_is_of_what_the_payload_has(package: Path) -> None:
    found = bills.read(parts(package)["demo.pkg/Bom"])
    listed = {item.path: item for item in inspect(package).items}
    assert found.keys() == listed.keys()
    assert len(found) > mac.MANY
    assert {path: (fact.kind, int(fact.mode, 8) & 0o7777, fact.link) for path, fact in found.items()} == {
        path: (item.kind, int(item.mode, 8), item.link) for path, item in listed.items()
    }
    assert all(fact.size == listed[path].size for path, fact in found.items() if fact.kind == "file")
    assert {(fact.owner, fact.time) for fact in found.values()} == {("0:0", payloads.EPOCH)}


@pytest.mark.parametrize("count", [0, 509, 510, 511, 1021, 3000])
def test_a_bill_of_any_length_is_chained(count: int) -> None:
    content = Tree(nodes=tuple(Node(path=f"{number:05}", mode=0o755) for number in range(count)), epoch=7)
    assert list(bills.read(bom.of(content))) == [".", *(f"{number:05}" for number in range(count))]


def test_a_bill_of_more_pages_than_one_leads_to_has_another_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bom, "_ROOM", 4)
    content = Tree(nodes=tuple(Node(path=f"{number:05}", mode=0o755) for number in range(90)), epoch=7)
    assert len(bills.read(bom.of(content))) == 91


@pytest.mark.parametrize(("data", "value"), [(b"", 4294967295), (b"123456789", 930766865), (b"a\n" * 70_000, 2543563138)])
def test_the_checksum_is_that_of_cksum(data: bytes, value: int) -> None:
    found = bom.Checksum()
    found.update(data)
    assert found.value() == _slow(data)
    if data != b"a\n" * 70_000:
        assert found.value() == value  # as cksum(1) prints it


def _slow(data: bytes) -> int:
    """The same, bit by bit as the standard has it."""
    crc, length = 0, len(data)
    tail = []
    while length:
        tail.append(length & 255)
        length >>= 8
    for byte in (*data, *tail):
        crc ^= byte << 24
        for _ in range(8):
            crc = ((crc << 1) ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc ^ 0xFFFFFFFF


def test_a_file_that_shrinks_meanwhile_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"short")
    with pytest.raises(BuildFailed, match="has changed"):
        bom.of(Tree(nodes=(Node(path="f", mode=0o644, size=50, source=tmp_path / "f"),), epoch=0))


def test_an_application_goes_where_applications_are(package: Path) -> None:
    info, script = document(package, "demo.pkg/PackageInfo"), document(package, "Distribution")
    assert (info.get("identifier"), info.get("version"), info.get("install-location")) == (
        "org.example.demo.pkg",
        "1.2.61",
        "/Applications",
    )
    assert (info.get("relocatable"), info.get("overwrite-permissions"), info.get("postinstall-action")) == ("false", "false", "none")
    assert attribute(info, "bundle", "path") == "./Démo.app"
    assert [each.get("file") for each in info.iterfind("scripts/*")] == ["./preinstall", "./postinstall"]
    assert script.findtext("title") == "Démo & more"
    assert attribute(script, "license", "file") == "license.txt"
    assert attribute(script, "options", "hostArchitectures") == "arm64"
    assert script.findtext("pkg-ref") == "#demo.pkg"
    assert script.find("volume-check") is None


def test_programs_for_the_terminal_go_below_usr_local(tmp_path: Path) -> None:
    job = mac.job(tmp_path / "p", "pkg", TOOLS, Config(pkg=PkgConfig(restart=True)))
    job = dataclasses.replace(job, target=replace(job.target, target="macos-x86_64", floor="11.0"))
    path = mac.made(job, mac.tree(tmp_path / "t"))
    info, script = document(path, "demo.pkg/PackageInfo"), document(path, "Distribution")
    assert info.get("install-location") == "/usr/local"
    assert info.find("bundle") is None
    assert info.find("scripts") is None
    assert info.get("postinstall-action") == "restart"
    assert attribute(script, "options", "hostArchitectures") == "x86_64,arm64"
    assert attribute(script, "volume-check/allowed-os-versions/os-version", "min") == "11.0"
    links = {item.path: item.link for item in inspect(path).items if item.kind == "link"}
    assert links["bin/demo"] == "../lib/demo/demo"


def test_inspect_tells_what_it_installs_and_runs(package: Path) -> None:
    found = inspect(package)
    assert found.kind == "pkg"
    assert (found.fields["location"], found.fields["scripts"], found.fields["licence"]) == (
        "/Applications",
        "preinstall, postinstall",
        "shown",
    )


@pytest.mark.parametrize("place", [4, 40, -20, -9000], ids=["header", "table", "file", "payload"])
def test_a_damaged_package_is_told(package: Path, place: int, tmp_path: Path) -> None:
    data = bytearray(package.read_bytes())
    data[place : place + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "x.pkg").write_bytes(data)
    with pytest.raises(ConfigurationError, match="damaged"):
        inspect(tmp_path / "x.pkg")


@pytest.mark.parametrize(
    "toc",
    [
        b'<!DOCTYPE xar [<!ENTITY a "aaaa">]><xar><toc>&a;</toc></xar>',
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE xar><xar><toc/></xar>'.encode("utf-16"),
        b"<xar><toc>",
    ],
    ids=["entities", "utf-16", "cut off"],
)
def test_a_table_that_is_none_is_not_read(toc: bytes) -> None:
    text = zlib.compress(toc)
    head = b"xar!" + struct.pack(">HHQQI", 28, 1, len(text), len(toc), 1)
    with pytest.raises(ValueError, match=r"table is damaged|codec can't decode"):
        xar.entries(io.BytesIO(head + text))


def test_an_encoding_that_nobody_knows_is_the_tables_own_matter() -> None:
    text = zlib.compress(toc := b'<?xml version="1.0" encoding="UTF08"?><xar><toc/></xar>')
    found = xar.entries(io.BytesIO(b"xar!" + struct.pack(">HHQQI", 28, 1, len(text), len(toc), 1) + text))
    assert found.entries == []


def test_the_first_difference_is_located(package: Path, tmp_path: Path) -> None:
    content = mac.tree(tmp_path / "tree")
    changed = next(node for node in content if node.path.endswith("File 8.py"))
    assert changed.source
    changed.source.write_bytes(b"9" * changed.size)
    job = mac.job(tmp_path / "project", "pkg", config=WHOLE)
    for name, text in (("pre", "#!/bin/sh\ntrue\n"), ("post.sh", "#!/bin/sh\necho done\n")):
        (tmp_path / "project" / name).write_text(text)
    found = compare(package, mac.made(job, content))
    assert found is not None
    assert (found.what, found.where[1]) == ("content", "demo.pkg/Payload")
    assert any(part.endswith("_internal/many/1/File 8.py") for part in found.where)


def test_names_that_are_one_on_a_mac_are_refused() -> None:
    content = Tree(nodes=(Node(path="A", mode=0o755), Node(path="a", mode=0o755)), epoch=0)
    with pytest.raises(Refused, match="macOS cannot hold"):
        hfs.check(content, "demo.pkg")


def test_a_file_that_no_bill_has_room_for_is_refused(tmp_path: Path) -> None:
    content = Tree(nodes=(Node(path="a", mode=0o644, size=1 << 32, source=tmp_path / "a"),), epoch=0)
    with pytest.raises(Refused) as caught:
        pkg.check(content, "demo.pkg")
    assert "has 4 GiB or more" in str(caught.value.problems[0])


@pytest.mark.parametrize("product", [mac.PRODUCT, TOOLS], ids=["application", "tools"])
def test_a_package_needs_an_identifier(product: Product) -> None:
    matrix = Matrix(targets={mac.TARGET: TargetConfig(formats=("pkg",))})
    with pytest.raises(ConfigurationError) as caught:
        make_plan(product=replace(product, identifier=""), config=Config(), source=SourceRecord(epoch=0), matrix=matrix, coldforge="0")
    assert "identifier" in str(caught.value.problems[0])


@pytest.mark.parametrize("name", ["picture.png", "agreement.txt", "post.sh"])
def test_a_file_that_is_read_changes_the_key(name: str, tmp_path: Path) -> None:
    job = mac.job(tmp_path, "pkg", config=WHOLE)
    before = stage._key(job, pkg.Pkg())
    (tmp_path / name).write_bytes(b"another")
    assert stage._key(job, pkg.Pkg()) != before
