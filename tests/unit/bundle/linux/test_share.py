"""Kinds of files and metainfo: what they say, and that no text breaks them."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from msgspec.structs import replace

from coldforge.bundle.linux import metainfo, mime, share
from coldforge.project.config import Executable, Product
from coldforge.project.desktop import FileAssociation
from support import payloads

OWN = FileAssociation(mime_type="application/x-demo", extensions=("demo", "demo.gz"), name="A <demo> & more\x01", icon="file.png")
KNOWN = FileAssociation(mime_type="text/plain")
WINDOW = Executable(name="demo-gui", entry="demo:gui", console=False, file_associations=(OWN, KNOWN), url_schemes=("demo",))
PRODUCT = replace(payloads.PRODUCT, identifier="org.example.demo", executables=(*payloads.PRODUCT.executables, WINDOW))
SPACE = "{http://www.freedesktop.org/standards/shared-mime-info}"


def component(**changes: object) -> ET.Element:
    product: Product = replace(PRODUCT, **changes)
    ((path, data),) = metainfo.files(product, payloads.EPOCH)
    assert path == "usr/share/metainfo/org.example.demo.metainfo.xml"
    return ET.fromstring(data)


def texts(root: ET.Element, path: str) -> list[str | None]:
    return [found.text for found in root.findall(path)]


def test_only_kinds_with_extensions_are_defined() -> None:
    ((path, data),) = mime.definitions(PRODUCT)
    assert path == "usr/share/mime/packages/org.example.demo.xml"
    (kind,) = ET.fromstring(data)
    assert kind.get("type") == "application/x-demo"
    assert kind.findtext(f"{SPACE}comment") == "A <demo> & more"
    assert [glob.get("pattern") for glob in kind.findall(f"{SPACE}glob")] == ["*.demo", "*.demo.gz"]
    assert [icon.get("name") for icon in kind.findall(f"{SPACE}icon")] == ["application-x-demo"]
    assert list(mime.definitions(payloads.PRODUCT)) == []


def test_metainfo_says_what_the_product_is() -> None:
    root = component(urls={"issues": "https://i.example.org", "source": "https://demo.example.org"}, keywords=("show", "<tell>"))
    assert root.get("type") == "desktop-application"
    assert texts(root, "project_license") == ["MIT"]
    assert texts(root, "summary") == ["Demonstration of names and links"]
    assert texts(root, "developer_name") == ["Somebody"]
    assert texts(root, "launchable") == ["org.example.demo.desktop"]
    assert [(url.get("type"), url.text) for url in root.findall("url")] == [
        ("homepage", "https://demo.example.org"), ("bugtracker", "https://i.example.org"),
    ]  # fmt: skip
    assert texts(root, "provides/binary") == ["demo", "demo-gui"]
    assert texts(root, "provides/mediatype") == ["application/x-demo", "text/plain", "x-scheme-handler/demo"]
    assert texts(root, "keywords/keyword") == ["show", "<tell>"]
    (release,) = root.findall("releases/release")
    assert release.attrib == {"version": "1.2.0~rc.1", "type": "development", "date": "2023-11-14"}


def test_a_program_of_the_console_is_no_application_of_the_desktop() -> None:
    root = component(executables=payloads.PRODUCT.executables, license="Our own", maintainer="X <unknown@example.invalid>", version="1.2")
    assert root.get("type") == "console-application"
    assert texts(root, "launchable") + texts(root, "project_license") + texts(root, "developer_name") == []
    assert [release.get("type") for release in root.iter("release")] == ["stable"]


def test_a_product_without_identifier_has_no_metainfo() -> None:
    assert list(metainfo.files(payloads.PRODUCT, 0)) == []


def test_all_of_it_is_listed_once(tmp_path: Path) -> None:
    paths = [path for path, _ in share.files(replace(PRODUCT, executables=(replace(WINDOW, file_associations=()),)), tmp_path, 0)]
    assert paths == ["usr/share/applications/org.example.demo.desktop", "usr/share/metainfo/org.example.demo.metainfo.xml"]
