"""The application as a tree: what lies where, what leads where, and what the system is told."""

from __future__ import annotations

import io
import plistlib
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace
from PIL import Image
from PIL.IcnsImagePlugin import IcnsFile

from coldforge.bundle import BundleJob
from coldforge.bundle.macos import shared as macos
from coldforge.bundle.macos.app import AppTarGz, AppZip
from coldforge.bundle.tree import Node, Tree, sorted_with_folders
from coldforge.errors import ConfigurationError, Refused
from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, Executable, Matrix, Product, TargetConfig
from coldforge.project.desktop import FileAssociation
from coldforge.project.macos import MacosConfig
from coldforge.rebuild.compare import compare
from coldforge.records import Payload, SourceRecord
from support import machos, payloads, rich
from support.machos import thin
from support.releases import ENVIRONMENT

TARGET: Final = "macos-aarch64"
PRODUCT: Final[Product] = replace(
    payloads.PRODUCT,
    identifier="org.example.demo",
    display_name="Démo: More",
    icon="demo.svg",
    categories=("X-Own", "Development"),
    license_files=("LICENSE",),
    executables=(
        Executable(
            name="demo",
            entry="demo:main",
            console=False,
            url_schemes=("demo", "demos"),
            file_associations=(
                FileAssociation(mime_type="application/x-demo", extensions=("demo", "dm"), name="Demo file", icon="file.svg"),
                FileAssociation(mime_type="text/plain"),
                FileAssociation(mime_type="text/x-strange"),
            ),
        ),
        Executable(name="tool", entry="demo:tool"),
    ),
)
CODE: Final = thin(kind="bundle")
FROZEN: Final[Mapping[str, bytes | str]] = {
    "demo": thin(),
    "tool": thin(),
    "licenses/click/LICENSE": b"free\n",
    "_internal/Python": "Python.framework/Versions/3.12/Python",
    "_internal/Python.framework/Versions/3.12/Python": thin(kind="library"),
    "_internal/Python.framework/Versions/3.12/Resources/Info.plist": plistlib.dumps({"CFBundleIdentifier": "org.python.python"}),
    "_internal/Python.framework/Versions/Current": "3.12",
    "_internal/python3.12/lib-dynload/_a.so": CODE,
    "_internal/python3.12/site.py": b"data\n",
    "_internal/python3.12/deep/only.txt": b"data\n",
    "_internal/mixed/a.so": CODE,
    "_internal/mixed/.dylibs/libx.1.dylib": thin(kind="library"),
    "_internal/mixed/.dylibs/libx.dylib": "libx.1.dylib",
    "_internal/mixed/data.txt": b"data\n",
    "_internal/click-8.1.dist-info/METADATA": b"Name: click\n",
    "_internal/base_library.zip": b"PK",
    "_internal/libz.dylib": thin(kind="library"),
}


SIGNABLE: Final[Mapping[str, bytes | str]] = {
    path: machos.synthetic("executable" if path in ("demo", "tool") else "dylib") if data[:4] == CODE[:4] else data
    for path, data in FROZEN.items()
}
"""The same, of code that can be signed."""


def job(
    folder: Path,
    product: Product = PRODUCT,
    config: Config | None = None,
    *,
    floor: str = "12.0",
    freezer: str = "pyinstaller",
    form: str = "app.tar.gz",
) -> BundleJob:
    (folder / "demo.svg").write_text(rich.SVG)
    (folder / "file.svg").write_text(rich.SVG)
    (folder / "LICENSE").write_text("free\n")
    matrix = Matrix(targets={TARGET: TargetConfig(formats=(form,), floor=floor)})
    plan = make_plan(product=product, config=config or Config(), source=SourceRecord(epoch=payloads.EPOCH), matrix=matrix, coldforge="0")
    payload = Payload(target=TARGET, freezer=freezer, key="k", files=(), environment=ENVIRONMENT, macos_floor="11.0")
    (target,) = plan.targets
    return BundleJob(project=folder, plan=plan, target=target, artifact=target.artifacts[0], payload=payload, folder=folder)


def tree_of(folder: Path, contents: Mapping[str, bytes | str]) -> Tree:
    """A payload as a tree: bytes are files, texts are links."""
    nodes = []
    for number, (name, content) in enumerate(contents.items()):
        source = folder / f"content-{number}"
        if isinstance(content, str):
            nodes.append(Node(path=name, mode=0o777, link=content))
            continue
        source.write_bytes(content)
        nodes.append(Node(path=name, mode=0o755 if "." not in name else 0o644, size=len(content), source=source))
    return Tree(nodes=sorted_with_folders(nodes), epoch=payloads.EPOCH)


def laid(folder: Path, contents: Mapping[str, bytes | str] = FROZEN, **given: Any) -> dict[str, str]:
    """The application: for each path below Contents what it is: where a link leads, `folder`, `code` or `data`."""
    scratch = folder / "scratch"
    scratch.mkdir()
    made = macos.unsealed(job(folder, **given), tree_of(folder, contents), scratch)
    assert [node.path.split("/") for node in made] == sorted(node.path.split("/") for node in made), "the order of a tree"
    found = {node.path.partition("/Contents/")[2]: _kind(node) for node in made}
    return {path: kind for path, kind in found.items() if path}


def _kind(node: Node) -> str:
    if node.source is None:
        return node.link or "folder"
    return "code" if node.source.read_bytes()[:4] == thin()[:4] else "data"


def test_code_is_in_frameworks_data_in_resources_and_each_side_has_links_to_the_other(tmp_path: Path) -> None:
    found = laid(tmp_path)
    assert {path: kind for path, kind in found.items() if kind != "folder"} == {
        "Info.plist": "data",
        "PkgInfo": "data",
        "MacOS/demo": "code",
        "MacOS/tool": "code",
        "Resources/AppIcon.icns": "data",
        "Resources/Document-demo.icns": "data",
        "Resources/licenses/LICENSE": "data",
        "Resources/licenses/click/LICENSE": "data",
        "Frameworks/licenses": "../Resources/licenses",
        "Frameworks/Python": "Python.framework/Versions/3.12/Python",
        "Resources/Python": "Python.framework/Versions/3.12/Python",
        "Frameworks/Python.framework/Versions/3.12/Python": "code",
        "Frameworks/Python.framework/Versions/3.12/Resources/Info.plist": "data",
        "Frameworks/Python.framework/Versions/Current": "3.12",
        "Resources/Python.framework": "../Frameworks/Python.framework",
        "Frameworks/python3.12": "python3__dot__12",
        "Frameworks/python3__dot__12/lib-dynload/_a.so": "code",
        "Frameworks/python3__dot__12/site.py": "../../Resources/python3.12/site.py",
        "Frameworks/python3__dot__12/deep": "../../Resources/python3.12/deep",
        "Resources/python3.12/lib-dynload": "../../Frameworks/python3__dot__12/lib-dynload",
        "Resources/python3.12/site.py": "data",
        "Resources/python3.12/deep/only.txt": "data",
        "Frameworks/mixed/a.so": "code",
        "Frameworks/mixed/.dylibs": "__dot__dylibs",
        "Frameworks/mixed/__dot__dylibs/libx.1.dylib": "code",
        "Frameworks/mixed/__dot__dylibs/libx.dylib": "libx.1.dylib",
        "Frameworks/mixed/data.txt": "../../Resources/mixed/data.txt",
        "Resources/mixed/a.so": "../../Frameworks/mixed/a.so",
        "Resources/mixed/.dylibs": "../../Frameworks/mixed/__dot__dylibs",
        "Resources/mixed/data.txt": "data",
        "Frameworks/click-8.1.dist-info": "../Resources/click-8.1.dist-info",
        "Resources/click-8.1.dist-info/METADATA": "data",
        "Frameworks/base_library.zip": "../Resources/base_library.zip",
        "Resources/base_library.zip": "data",
        "Frameworks/libz.dylib": "code",
        "Resources/libz.dylib": "../Frameworks/libz.dylib",
    }


def test_every_file_of_the_payload_is_found_from_both_sides(tmp_path: Path) -> None:
    archive = bundled(tmp_path, AppTarGz())
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "out", filter="tar")
    contents = tmp_path / "out" / "Démo More.app" / "Contents"
    for path, content in FROZEN.items():
        if path.startswith("_internal/") and isinstance(content, bytes):
            below = path.removeprefix("_internal/")
            found = [(contents / side / below).read_bytes() for side in ("Frameworks", "Resources")]
            assert found[0] == found[1]
            assert found[0] == content or found[0][:4] == content[:4] == CODE[:4], "code is signed by then"


def test_no_folder_of_frameworks_looks_like_a_bundle_that_it_is_not(tmp_path: Path) -> None:
    found = laid(tmp_path)
    folders = [path for path, kind in found.items() if kind == "folder" and path.startswith("Frameworks/")]
    assert [path for path in folders if "." in path.rpartition("/")[2]] == [
        "Frameworks/Python.framework",
        "Frameworks/Python.framework/Versions/3.12",
    ]


def test_programs_that_are_not_pyinstallers_find_their_files_beside_them(tmp_path: Path) -> None:
    contents: Mapping[str, bytes | str] = {
        "bin/demo": thin(needed=("@executable_path/lib/liba.dylib",)),
        "demo": "bin/demo",
        "tool": thin(),
        "lib/liba.dylib": thin(kind="library"),
        "share/a.txt": b"data\n",
    }
    found = laid(tmp_path, contents, freezer="command")
    assert (found["MacOS/demo"], found["MacOS/tool"]) == ("code", "code")
    assert {path: kind for path, kind in found.items() if path.startswith("MacOS/") and kind != "code"} == {
        "MacOS/bin": "../Frameworks/bin",
        "MacOS/lib": "../Frameworks/lib",
        "MacOS/licenses": "../Frameworks/licenses",
        "MacOS/share": "../Frameworks/share",
    }
    assert found["Resources/bin/demo"] == "../../MacOS/demo"
    assert (found["Frameworks/tool"], found["Resources/tool"]) == ("../MacOS/tool", "../MacOS/tool")


def test_one_program_under_two_names_is_there_once(tmp_path: Path) -> None:
    found = laid(tmp_path, {"bin/all": thin(), "demo": "bin/all", "tool": "bin/all"}, freezer="command")
    assert (found["MacOS/demo"], found["MacOS/tool"], found["Frameworks/bin"]) == ("code", "demo", "../Resources/bin")


def test_a_library_that_would_not_be_found_in_an_application_is_told(tmp_path: Path) -> None:
    """`bin/demo` finds it by `../lib`; the program in MacOS would look into Contents/lib."""
    contents: Mapping[str, bytes | str] = {
        "bin/demo": thin(needed=("@executable_path/../lib/liba.dylib", "@rpath/libnowhere.dylib")),
        "demo": "bin/demo",
        "tool": thin(),
        "lib/liba.dylib": thin(kind="library"),
    }
    with pytest.raises(Refused) as told:
        laid(tmp_path, contents, freezer="command")
    (problem,) = told.value.problems
    assert problem.what == "@executable_path/../lib/liba.dylib, which MacOS/demo loads, is not there where an application has it"


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ({"demo": b"#!/bin/sh\n", "tool": thin()}, "demo is no Mach-O program"),
        ({"demo": thin()}, "tool is no Mach-O program"),
        ({"demo": thin(), "tool": thin(), "_internal/a.txt": b"", "_internal/A.txt": b""}, "are one name to macOS"),
        ({"demo": thin(), "tool": thin(), "_internal/\u00e9.txt": b"", "_internal/e\u0301.txt": b""}, "are one name to macOS"),
        ({"demo": thin(), "tool": thin(), "_internal/AppIcon.icns": b""}, "Resources/AppIcon.icns are one name to macOS"),
        ({"demo": thin(), "tool": thin(), "_internal/a": "../tool"}, "a links to ../tool, which is not there"),
        ({"demo": thin(), "tool": thin(), "a": b"", "_internal/a": b""}, "there are two a, one beside the program and one in _internal"),
        ({"demo": thin(), "tool": thin(), "_internal/licenses": b""}, "licenses is a file, and a folder to licenses/LICENSE"),
    ],
)
def test_a_tree_that_is_no_application_is_refused(contents: dict[str, bytes | str], words: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"demo-1.2.0-rc.1-macos-aarch64.app.tar.gz cannot be made") as told:
        laid(tmp_path, contents)
    assert any(words in problem.what for problem in told.value.problems)


def info(folder: Path, **given: Any) -> dict[str, Any]:
    (folder / "scratch").mkdir()
    made = macos.unsealed(job(folder, **given), tree_of(folder, FROZEN), folder / "scratch")
    (source,) = (node.source for node in made if node.path.endswith("/Contents/Info.plist"))
    assert source
    found: dict[str, Any] = plistlib.loads(source.read_bytes())
    return found


def test_what_the_system_is_told(tmp_path: Path) -> None:
    usage: Any = {"microphone": "To hear you"}
    config = Config(macos=MacosConfig(agent=True, usage=usage, plist={"NSQuitAlwaysKeepsWindows": False, "NSPrincipalClass": "DemoApp"}))
    assert info(tmp_path, config=config) == {
        "CFBundleDevelopmentRegion": "en",
        "CFBundleDisplayName": "Démo: More",
        "CFBundleDocumentTypes": [
            {
                "CFBundleTypeName": "Demo file",
                "CFBundleTypeRole": "Editor",
                "CFBundleTypeIconFile": "Document-demo",
                "LSHandlerRank": "Owner",
                "LSItemContentTypes": ["org.example.demo.demo"],
            },
            {
                "CFBundleTypeName": "text/plain",
                "CFBundleTypeRole": "Editor",
                "LSHandlerRank": "Alternate",
                "LSItemContentTypes": ["public.plain-text"],
            },
            {
                "CFBundleTypeName": "text/x-strange",
                "CFBundleTypeRole": "Editor",
                "LSHandlerRank": "Alternate",
                "CFBundleTypeMIMETypes": ["text/x-strange"],
            },
        ],
        "CFBundleExecutable": "demo",
        "CFBundleIconFile": "AppIcon",
        "CFBundleIdentifier": "org.example.demo",
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundleName": "Démo: More",
        "CFBundlePackageType": "APPL",
        "CFBundleShortVersionString": "1.2.0",
        "CFBundleURLTypes": [{"CFBundleURLName": "org.example.demo", "CFBundleURLSchemes": ["demo", "demos"]}],
        "CFBundleVersion": "1.2.61",
        "LSApplicationCategoryType": "public.app-category.developer-tools",
        "LSMinimumSystemVersion": "12.0",
        "LSUIElement": True,
        "NSHighResolutionCapable": True,
        "NSHumanReadableCopyright": "Copyright © Somebody",
        "NSMicrophoneUsageDescription": "To hear you",
        "NSPrincipalClass": "DemoApp",
        "NSQuitAlwaysKeepsWindows": False,
        "NSSupportsAutomaticGraphicsSwitching": True,
        "UTExportedTypeDeclarations": [
            {
                "UTTypeConformsTo": ["public.data"],
                "UTTypeDescription": "Demo file",
                "UTTypeIconFile": "Document-demo",
                "UTTypeIdentifier": "org.example.demo.demo",
                "UTTypeTagSpecification": {"public.filename-extension": ["demo", "dm"], "public.mime-type": ["application/x-demo"]},
            }
        ],
    }


def test_without_a_promise_the_oldest_system_is_the_one_that_the_files_need(tmp_path: Path) -> None:
    assert info(tmp_path, floor="")["LSMinimumSystemVersion"] == "11.0"


def test_a_plain_product_says_no_more_than_it_has(tmp_path: Path) -> None:
    plain = replace(PRODUCT, icon="", maintainer="", categories=(), executables=(Executable(name="demo", entry="x", console=False),))
    found = info(tmp_path, product=plain)
    assert not found.keys() & {
        "CFBundleIconFile",
        "NSHumanReadableCopyright",
        "LSApplicationCategoryType",
        "CFBundleDocumentTypes",
        "CFBundleURLTypes",
    }


def test_another_reader_finds_a_picture_of_every_size_in_the_icon(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    made = macos.unsealed(job(tmp_path), tree_of(tmp_path, FROZEN), tmp_path / "scratch")
    (source,) = (node.source for node in made if node.path.endswith("/AppIcon.icns"))
    assert source
    with source.open("rb") as stream:
        icon = IcnsFile(stream)
        pictures = {size: icon.getimage(size) for size in icon.itersizes()}
    points = {16: (1, 2), 32: (1, 2), 128: (1, 2), 256: (1, 2), 512: (1, 2)}
    assert set(pictures) == {(size, size, scale) for size, scales in points.items() for scale in scales}
    assert all(picture.size == (size * scale, size * scale) for (size, _, scale), picture in pictures.items())
    with Image.open(io.BytesIO(_drawn(tmp_path, 16))) as reference:
        assert pictures[16, 16, 1].convert("RGBA").tobytes() == reference.convert("RGBA").tobytes(), "colours and mask: it is no PNG"


def _drawn(folder: Path, size: int) -> bytes:
    from coldforge.bundle import icons

    return icons.drawn(folder / "demo.svg", (size,))[size]


def bundled(folder: Path, bundler: AppTarGz | AppZip) -> Path:
    found = job(folder, form=bundler.format)
    bundler.bundle(found, tree_of(folder, SIGNABLE), folder / found.artifact.name)
    return folder / found.artifact.name


def test_the_archives_hold_the_same_application(tmp_path: Path) -> None:
    tar_gz, zipped = bundled(tmp_path, AppTarGz()), bundled(tmp_path, AppZip())
    assert (tar_gz.name, zipped.name) == ("demo-1.2.0-rc.1-macos-aarch64.app.tar.gz", "demo-1.2.0-rc.1-macos-aarch64.app.zip")
    with tarfile.open(tar_gz) as tar:
        in_tar = {
            member.name: (member.mode, member.linkname or (tar.extractfile(member).read() if member.isfile() else b""))  # type: ignore[union-attr]  # a file has content
            for member in tar
        }
        assert {member.mtime for member in tar} == {payloads.EPOCH}
    with zipfile.ZipFile(zipped) as archive:
        in_zip: dict[str, tuple[int, str | bytes]] = {}
        for member in archive.infolist():
            mode, data = member.external_attr >> 16, archive.read(member)
            in_zip[member.filename.rstrip("/")] = (mode & 0o777, data.decode() if mode & 0o170000 == 0o120000 else data)
    assert in_zip == in_tar
    assert {name.partition("/")[0] for name in in_zip} == {"Démo More.app"}, "and no __MACOSX beside it"


@pytest.mark.parametrize("bundler", [AppTarGz(), AppZip()], ids=lambda bundler: bundler.format)
def test_what_differs_between_two_archives_is_told_by_file(bundler: AppTarGz | AppZip, tmp_path: Path) -> None:
    made = []
    for name, text in (("one", b"data\n"), ("other", b"date\n")):
        (tmp_path / name).mkdir()
        found = job(tmp_path / name, form=bundler.format)
        contents = {**SIGNABLE, "_internal/mixed/data.txt": text}
        bundler.bundle(found, tree_of(tmp_path / name, contents), tmp_path / name / found.artifact.name)
        made.append(tmp_path / name / found.artifact.name)
    assert compare(made[0], made[0]) is None
    different = compare(*made)
    assert different is not None
    assert different.where[1:] == ("Démo More.app/Contents/Resources/mixed/data.txt", "line 1")


def test_tools_for_the_terminal_are_a_folder_and_links_to_it(tmp_path: Path) -> None:
    made = macos.tools(job(tmp_path), tree_of(tmp_path, FROZEN))
    found = {node.path: _kind(node) for node in made}
    assert (found["bin/demo"], found["bin/tool"]) == ("../lib/demo/demo", "../lib/demo/tool")
    assert (found["lib/demo/demo"], found["lib/demo/LICENSE"]) == ("code", "data")
    assert found["lib/demo/_internal/Python"] == FROZEN["_internal/Python"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"identifier": ""}, "macOS knows an application by its identifier, and there is none"),
        ({"identifier": "org.example.de_mo"}, "org.example.de_mo is no identifier to macOS"),
        ({"executables": (Executable(name="demo", entry="x"),)}, "an application has a program with windows, and the product has none"),
        ({"version": "1.2.3.post1"}, "a scaled version has no number for 1.2.3-post.1"),
        ({"version": "1.2.3.4"}, "macOS has no number for the version 1.2.3.4"),
    ],
)
def test_what_is_no_application_is_told_before_anything_is_built(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as told:
        job(tmp_path, replace(PRODUCT, **changes))
    assert [problem.what for problem in told.value.problems] == [f"macos-aarch64: app.tar.gz: {words}"]
