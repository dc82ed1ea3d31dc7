"""`msix`: read byte by byte, because nothing but Windows installs it: the zip, every block's hash, and the manifest."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import time
import zipfile
import zlib
from pathlib import Path
from typing import Final
from urllib.parse import unquote
from xml.etree.ElementTree import Element, fromstring

import pytest
from msgspec.structs import replace
from PIL import Image

from coldforge.bundle import BundleJob
from coldforge.bundle.tree import Node, Tree
from coldforge.bundle.windows import appx, msix
from coldforge.errors import ConfigurationError, Refused
from coldforge.filetypes import msix as parts
from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, Executable, Matrix, Product, TargetConfig
from coldforge.project.desktop import FileAssociation
from coldforge.project.windows import WindowsConfig
from coldforge.records import Payload, SourceRecord
from support import payloads, rich
from support.releases import ENVIRONMENT

TARGET: Final = "windows-x86_64"
PUBLISHER: Final = "CN=Example & 'Söhne', C=DE"
MIXED: Final = b"".join(hashlib.sha256(number.to_bytes(2, "big")).digest() for number in range(appx.BLOCK // 32))
LARGE: Final = MIXED + b"a" * appx.BLOCK + b"the rest"
CONTENTS: Final = {
    "demo.exe": b"MZ" + LARGE,
    "demo-gui.exe": b"MZ",
    "_internal/größe [1] {a} 100%.txt": b"names\n",
    "_internal/日本語/No Ending": b"x" * appx.BLOCK,
    "_internal/empty.dat": b"",
    "_internal/settings.xml": b"<x/>",
    "_internal/.hidden": b"-",
}
PRODUCT: Final[Product] = replace(
    payloads.PRODUCT,
    identifier="org.example.de_mo",
    display_name="Démo & more",
    icon="demo.png",
    executables=(
        Executable(name="demo", entry="demo"),
        Executable(
            name="demo-gui",
            entry="demo-gui",
            console=False,
            url_schemes=("Demo",),
            file_associations=(
                FileAssociation(mime_type="application/x-demo", extensions=("Demo", "dm", "demo.gz"), name="Demo file", icon="file.svg"),
            ),
        ),
    ),
)
NAMES: Final = {
    "": "{http://schemas.microsoft.com/appx/manifest/foundation/windows10}",
    "uap": "{http://schemas.microsoft.com/appx/manifest/uap/windows10}",
    "uap3": "{http://schemas.microsoft.com/appx/manifest/uap/windows10/3}",
    "desktop": "{http://schemas.microsoft.com/appx/manifest/desktop/windows10}",
    "rescap": "{http://schemas.microsoft.com/appx/manifest/foundation/windows10/restrictedcapabilities}",
    "map": "{http://schemas.microsoft.com/appx/2010/blockmap}",
    "types": "{http://schemas.openxmlformats.org/package/2006/content-types}",
}


def job(folder: Path, product: Product = PRODUCT, *, publisher: str = PUBLISHER, pixels: int = 256) -> BundleJob:
    """A job in a folder where the pictures and licences are."""
    Image.new("RGBA", (pixels, pixels), (0, 90, 50, 255)).save(folder / "demo.png", "PNG")
    (folder / "file.svg").write_text(rich.SVG)
    for name in product.license_files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("free\n")
    config = Config(windows=WindowsConfig(msix_publisher=publisher, languages=("de", "en")))
    matrix = Matrix(targets={TARGET: TargetConfig(formats=("msix",))})
    plan = make_plan(product=product, config=config, source=SourceRecord(epoch=payloads.EPOCH), matrix=matrix, coldforge="0")
    payload = Payload(target=TARGET, freezer="command", key="k", files=(), environment=ENVIRONMENT)
    (target,) = plan.targets
    return BundleJob(project=folder, plan=plan, target=target, artifact=target.artifacts[0], payload=payload, folder=folder)


def made(folder: Path, *, reverse: bool = False) -> Path:
    """The package of the contents; `reverse` turns the order in which their files are written."""
    root = folder / "payload"
    for name, data in sorted(CONTENTS.items(), reverse=reverse):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
        os.utime(root / name, (0, 1_000_000 if reverse else 2_000_000))
    nodes = [Node(path=name, mode=0o644, size=len(data), source=root / name) for name, data in sorted(CONTENTS.items())]
    tree = Tree(nodes=(*nodes, Node(path="_internal/leer", mode=0o755)), epoch=payloads.EPOCH)
    found = job(folder)
    msix.Msix().bundle(found, tree, folder / found.artifact.name)
    return folder / found.artifact.name


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("msix"))


def attributes(element: Element | None) -> dict[str, str]:
    assert element is not None
    return dict(element.attrib)


def tag(name: str) -> str:
    space, _, word = name.rpartition(":")
    return NAMES[space] + word


def path(*names: str) -> str:
    return "/".join(map(tag, names))


def test_its_name(package: Path) -> None:
    assert package.name == "demo-1.2.0-rc.1-windows-x86_64.msix"


def test_another_reader_finds_every_file(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        found = {unquote(name): archive.read(name) for name in names}
        assert {info.date_time for info in archive.infolist()} == {(2023, 11, 14, 22, 13, 20)}
    assert all(name.isascii() for name in names)
    assert names[-3:] == ["AppxManifest.xml", "AppxBlockMap.xml", "[Content_Types].xml"]
    assert {name: data for name, data in found.items() if name in CONTENTS} == CONTENTS
    assert found["LICENSE"] == b"free\n"
    assert found["licenses/vendor/COPYING"] == b"free\n"
    assert not any(name.endswith("/") for name in found), "it has no folders"


def test_every_block_is_hashed_and_unpacks_on_its_own(package: Path) -> None:
    data = package.read_bytes()
    with zipfile.ZipFile(package) as archive:
        mapped = fromstring(archive.read(parts.BLOCK_MAP))
        assert mapped.attrib["HashMethod"] == "http://www.w3.org/2001/04/xmlenc#sha256"
        files = {file.attrib["Name"].replace("\\", "/"): file for file in mapped.findall(tag("map:File"))}
        infos = {unquote(info.filename): info for info in archive.infolist()}
        assert files.keys() == infos.keys() - {parts.BLOCK_MAP, parts.TYPES}
        for name, file in files.items():
            info, content = infos[name], archive.read(infos[name])
            assert int(file.attrib["Size"]) == len(content)
            place = info.header_offset + int(file.attrib["LfhSize"])
            assert data[place - len(info.filename) : place].decode() == info.filename
            end = place + info.compress_size
            blocks = []
            for block in file.findall(tag("map:Block")):
                size = int(block.attrib["Size"])
                blocks.append(zlib.decompressobj(-15).decompress(data[place : place + size]))
                assert hashlib.sha256(blocks[-1]).digest() == base64.b64decode(block.attrib["Hash"])
                place += size
            assert b"".join(blocks) == content
            assert all(len(block) == appx.BLOCK for block in blocks[:-1])
            assert end - place == (2 if content else 0), "the end of the stream"
    assert len(files["demo.exe"].findall(tag("map:Block"))) == 3


def test_every_part_has_one_type(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        types = fromstring(archive.read(parts.TYPES))
        there = {f"/{name}" for name in archive.namelist()} - {f"/{parts.TYPES}"}
    named = {each.attrib["PartName"]: each.attrib["ContentType"] for each in types.findall(tag("types:Override"))}
    endings = [each.attrib["Extension"] for each in types.findall(tag("types:Default"))]
    assert named["/AppxManifest.xml"] == "application/vnd.ms-appx.manifest+xml"
    assert named["/AppxBlockMap.xml"] == "application/vnd.ms-appx.blockmap+xml"
    assert endings == sorted({"dat", "exe", "png", "txt", "xml"})
    assert there - named.keys() == {part for part in there - named.keys() if part.rpartition(".")[2].lower() in endings}
    assert named.keys() - there == {"/AppxSignature.p7x"}, "where it will be"


@pytest.fixture(scope="module")
def manifest(package: Path) -> Element:
    with zipfile.ZipFile(package) as archive:
        return fromstring(archive.read(parts.MANIFEST))


def test_what_the_package_is(package: Path, manifest: Element) -> None:
    identity = attributes(manifest.find(tag("Identity")))
    wanted = {"Name": "org.example.de-mo", "Publisher": PUBLISHER, "Version": "1.2.61.0", "ProcessorArchitecture": "x64"}
    assert identity == wanted
    assert manifest.findtext(path("Properties", "DisplayName")) == "Démo & more"
    assert manifest.findtext(path("Properties", "PublisherDisplayName")) == "Somebody"
    assert [each.attrib["Language"] for each in manifest.findall(path("Resources", "Resource"))] == ["de", "en"]
    family = attributes(manifest.find(path("Dependencies", "TargetDeviceFamily")))
    assert (family["Name"], family["MinVersion"]) == ("Windows.Desktop", "10.0.17763.0")
    assert attributes(manifest.find(path("Capabilities", "rescap:Capability"))) == {"Name": "runFullTrust"}
    visual = attributes(manifest.find(path("Applications", "Application", "uap:VisualElements")))
    shown = {44: visual["Square44x44Logo"], 150: visual["Square150x150Logo"], 50: manifest.findtext(path("Properties", "Logo"))}
    with zipfile.ZipFile(package) as archive:
        for size, place in shown.items():
            with Image.open(io.BytesIO(archive.read(str(place).replace("\\", "/")))) as picture:
                assert picture.size == (size, size)


def test_what_windows_starts(package: Path, manifest: Element) -> None:
    console, windowed = manifest.findall(path("Applications", "Application"))
    assert console.attrib == {"Id": "demo", "Executable": "demo.exe", "EntryPoint": "Windows.FullTrustApplication"}
    assert (windowed.attrib["Id"], windowed.attrib["Executable"]) == ("demogui", "demo-gui.exe")
    visuals = [attributes(each.find(tag("uap:VisualElements"))) for each in (console, windowed)]
    assert [(each["DisplayName"], each.get("AppListEntry")) for each in visuals] == [("demo", "none"), ("Démo & more", None)]
    (alias,) = console.iter(tag("desktop:ExecutionAlias"))
    assert alias.attrib == {"Alias": "demo.exe"}
    assert [*windowed.iter(tag("desktop:ExecutionAlias"))] == []
    (protocol,) = windowed.iter(tag("uap3:Protocol"))
    assert protocol.attrib == {"Name": "demo", "Parameters": '"%1"'}
    (kind,) = windowed.iter(tag("uap3:FileTypeAssociation"))
    assert kind.attrib == {"Name": "demo", "Parameters": '"%1"'}
    assert [each.text for each in kind.iter(tag("uap:FileType"))] == [".demo", ".dm"]
    assert kind.findtext(tag("uap:DisplayName")) == "Demo file"
    with zipfile.ZipFile(package) as archive:
        assert archive.read(str(kind.findtext(tag("uap:Logo"))).replace("\\", "/")).startswith(b"\x89PNG")
    categories = [each.attrib["Category"] for each in manifest.iter(tag("uap3:Extension"))]
    assert categories == ["windows.appExecutionAlias", "windows.fileTypeAssociation", "windows.protocol"]


def test_a_product_for_the_terminal_alone_is_shown(tmp_path: Path) -> None:
    product = replace(PRODUCT, executables=PRODUCT.executables[:1])
    visual = next(msix.manifest(job(tmp_path, product)).iter("uap:VisualElements"))
    assert "AppListEntry" not in visual.attrib


def test_programs_are_told_apart() -> None:
    named = [Executable(name=name, entry="x") for name in ("a", "A-", "7z", "a1", "größe")]
    assert msix.application_ids(replace(PRODUCT, executables=tuple(named))) == ["a", "A1", "App7z", "a11", "gre"]


@pytest.mark.parametrize(
    ("product", "publisher", "problem"),
    [
        (replace(PRODUCT, identifier=""), PUBLISHER, "the product's identifier, and there is none"),
        (replace(PRODUCT, identifier=f"org.{'x' * 50}"), PUBLISHER, "is no name of an msix"),
        (replace(PRODUCT, icon=""), PUBLISHER, "the product has no icon"),
        (replace(PRODUCT, version="1.2.3.post1"), PUBLISHER, "no number for 1.2.3-post.1"),
        (PRODUCT, "", "the certificate of its publisher, and there is none"),
    ],
)
def test_what_is_missing_is_told_by_the_plan(product: Product, publisher: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        job(tmp_path, product, publisher=publisher)
    (only,) = caught.value.problems
    assert only.what.startswith("windows-x86_64: msix: ")
    assert only.hint
    assert problem in only.what


def test_a_small_icon_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="too small for an msix") as caught:
        msix.pictures(job(tmp_path, pixels=149), tmp_path)
    assert caught.value.where
    assert caught.value.where.path == tmp_path / "demo.png"


@pytest.mark.parametrize("name", ["appxmanifest.xml", "[Content_Types].xml", "AppxSignature.p7x", "AppxMetadata/x", "icons/LOGO-44.png"])
def test_names_of_the_package_are_not_the_trees(name: str, tmp_path: Path) -> None:
    tree = Tree(nodes=(Node(path=name, mode=0o644, size=1, source=tmp_path / "x"),), epoch=0)
    with pytest.raises(Refused, match="cannot be made") as caught:
        msix.check(tree, job(tmp_path), ["icons/logo-44.png"])
    (only,) = caught.value.problems
    assert only.what == f"{name} is a name of the package's own"


def test_what_is_large_has_fields_of_64_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a part that counts as large its sizes, of one beyond 4 GB its place: in a file with a hole, of which only the end is read."""
    monkeypatch.setattr(appx, "LARGE", 10)
    start = 5 << 30
    with (tmp_path / "x").open("w+b") as stream:
        stream.seek(start)
        writer = appx.Writer(stream, payloads.EPOCH)
        writer.add("large.bin", io.BytesIO(LARGE), size=len(LARGE))
        writer.add("small.bin", io.BytesIO(b"small"), size=5)
        writer.add(parts.MANIFEST, io.BytesIO(b"<x/>"))
        writer.close()
        found = parts.layout(stream)
        assert found
        assert [entry.start >= start for entry in found.parts.values()] == [True] * 5
        assert (found.parts["large.bin"].size, found.directory > start) == (len(LARGE), True)
        assert parts._content(stream, found.parts["large.bin"]) == LARGE
        stream.seek(found.directory)
        assert stream.read() == found.tail
        with zipfile.ZipFile(stream) as archive:
            assert archive.testzip() is None
            assert (archive.read("large.bin"), archive.read("small.bin")) == (LARGE, b"small")
            sizes = {file.attrib["Name"]: int(file.attrib["LfhSize"]) for file in fromstring(archive.read(parts.BLOCK_MAP))}
            infos = {info.filename: info for info in archive.infolist()}
        for name, size in sizes.items():
            stream.seek(infos[name].header_offset + size)
            content = stream.read(infos[name].compress_size)
            assert zlib.decompressobj(-15).decompress(content) == {"large.bin": LARGE, "small.bin": b"small"}.get(name, b"<x/>")


def test_more_parts_than_16_bits_count_are_read_back(tmp_path: Path) -> None:
    facts = {"stamp": (0, 33), "method": 0, "checksum": 0, "packed": 0, "size": 0}
    entries = [parts.Entry(name=name, start=0, **facts) for name in (*map(str, range(66_000)), parts.MANIFEST)]  # type: ignore[arg-type]
    listed = b"".join(map(parts.central, entries))
    data = listed + parts.end(len(entries), len(listed), 0)
    found = parts.layout(io.BytesIO(data))
    assert found
    assert len(found.parts) == 66_001
    assert found.tail == data
    (tmp_path / "x").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "x") as archive:
        assert len(archive.namelist()) == 66_001


@pytest.mark.parametrize("hidden", ["between", "behind", "comment"])
def test_bytes_that_no_directory_tells_of_are_no_part_of_a_package(hidden: str, package: Path) -> None:
    data = package.read_bytes()
    with zipfile.ZipFile(package) as archive:
        directory = archive.start_dir
    changed = {
        "between": data[:directory] + b"x" * 30 + data[directory:],
        "behind": data + b"x",
        "comment": data[:-2] + b"\1\0x",
    }[hidden]
    assert parts.layout(io.BytesIO(data))
    with pytest.raises(ValueError, match=r"more in it than its directory tells|does not end with the directory"):
        parts.layout(io.BytesIO(changed))


def test_the_same_bytes_whatever_the_circumstances(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In another folder, time zone and order, with other rights on the files and another time of them."""
    folder = tmp_path / "ein anderer Ort"
    folder.mkdir()
    monkeypatch.setenv("TZ", "Pacific/Chatham")
    time.tzset()
    mask = os.umask(0o077)
    try:
        again = made(folder, reverse=True)
    finally:
        os.umask(mask)
        monkeypatch.undo()
        time.tzset()
    assert again.read_bytes() == package.read_bytes()
