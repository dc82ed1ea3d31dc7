"""An application for macOS is sealed from the inside out: another program that signs comes to the same seal, and finds nothing wrong."""

from __future__ import annotations

import hashlib
import io
import plistlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import apple_platform
import pytest
from msgspec.structs import replace

from coldforge.bundle.macos import sealed
from coldforge.bundle.tree import Node, Tree, sorted_with_folders
from coldforge.errors import ConfigurationError, Refused
from coldforge.filetypes import apple, codesign, developer, requirement
from coldforge.records import FileEntry, Origin, Payload, Signature
from support import machos, payloads
from support.releases import ENVIRONMENT

INFO: Final = {
    "CFBundleIdentifier": "org.example.demo",
    "CFBundleExecutable": "demo",
    "CFBundlePackageType": "APPL",
    "CFBundleName": "Demo",
}
FRAMEWORK: Final = {**INFO, "CFBundleIdentifier": "org.python.python", "CFBundleExecutable": "Python", "CFBundlePackageType": "FMWK"}
MAIN, LIBRARY = "Demo.app/Contents/MacOS/demo", "Demo.app/Contents/Frameworks/python3__dot__12/a.so"
SEAL: Final = "Demo.app/Contents/_CodeSignature/CodeResources"
CONTENTS: Final[Mapping[str, bytes | str]] = {
    "Info.plist": plistlib.dumps(INFO),
    "PkgInfo": b"APPL????",
    "MacOS/demo": machos.synthetic(),
    "MacOS/tool": machos.synthetic(),
    "Frameworks/python3__dot__12/a.so": machos.synthetic("dylib"),
    "Frameworks/python3.12": "python3__dot__12",
    "Frameworks/data.txt": "../Resources/data.txt",
    "Frameworks/Python.framework/Versions/3.12/Python": machos.synthetic("dylib"),
    "Frameworks/Python.framework/Versions/3.12/Resources/Info.plist": plistlib.dumps(FRAMEWORK),
    "Frameworks/Python.framework/Versions/3.12/include/python.h": b"int a;\n",
    "Frameworks/Python.framework/Versions/Current": "3.12",
    "Frameworks/Python.framework/Python": "Versions/Current/Python",
    "Frameworks/Python.framework/Resources": "Versions/Current/Resources",
    "Resources/data.txt": b"data\n",
    "Resources/a.so": "../Frameworks/python3__dot__12/a.so",
    "Resources/de.lproj/x.strings": b"x",
    "Resources/Base.lproj/y.strings": b"y",
    "Resources/.DS_Store": b"z",
}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    nodes = []
    for number, (path, data) in enumerate(CONTENTS.items()):
        place = tmp_path / f"source-{number}"
        if isinstance(data, bytes):
            place.write_bytes(data)
            mode = 0o755 if path.startswith("MacOS") else 0o644
            nodes.append(Node(path=f"Demo.app/Contents/{path}", mode=mode, size=len(data), source=place))
        else:
            nodes.append(Node(path=f"Demo.app/Contents/{path}", mode=0o777, link=data))
    return Tree(nodes=sorted_with_folders(nodes), epoch=payloads.EPOCH)


def scratch(tmp_path: Path) -> Path:
    place = tmp_path / f"scratch-{len(list(tmp_path.iterdir()))}"
    place.mkdir()
    return place


def payload(signatures: Mapping[str, Signature] | None = None, files: tuple[FileEntry, ...] = ()) -> Payload:
    return Payload(target="macos-aarch64", freezer="command", key="k", files=files, environment=ENVIRONMENT, sealed=signatures or {})


def content(tree: Tree) -> dict[str, bytes]:
    return {node.path: node.source.read_bytes() if node.source else node.link.encode() for node in tree if not node.is_directory}


def written(tree: Tree, folder: Path) -> Path:
    for node in tree:
        path = folder / node.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if node.source:
            shutil.copyfile(node.source, path)
            path.chmod(node.mode)
        elif node.link:
            path.symlink_to(node.link)
        else:
            path.mkdir(exist_ok=True)
    return folder / "Demo.app"


def seen(data: bytes) -> developer.Seen:
    (found,) = codesign.read(io.BytesIO(data))
    assert found
    return found


def test_all_code_is_signed_and_the_main_one_is_about_the_whole(tree: Tree, tmp_path: Path) -> None:
    made, signatures = sealed.sealed(tree, sealed.again(payload()), scratch(tmp_path))
    found = content(made)
    code = [path for path, data in found.items() if data[:4] == CONTENTS["MacOS/demo"][:4] and path.count("/") > 1]
    assert sorted(signatures) == sorted(code)
    names = {path.rpartition("/")[2]: seen(found[path]).identifier for path in code}
    assert names == {
        "demo": "org.example.demo",
        "tool": "org.example.demo.tool",
        "a.so": "org.example.demo.a",
        "Python": "org.python.python",
    }
    main = seen(found[MAIN])
    assert (main.info, main.resources) == tuple(hashlib.sha256(found[path]).digest() for path in ("Demo.app/Contents/Info.plist", SEAL))
    framework = "Demo.app/Contents/Frameworks/Python.framework/Versions/3.12"
    inner = seen(found[f"{framework}/Python"])
    assert inner.resources == hashlib.sha256(found[f"{framework}/_CodeSignature/CodeResources"]).digest()


def test_another_program_comes_to_the_same_seals(tree: Tree, tmp_path: Path) -> None:
    made, _ = sealed.sealed(tree, sealed.again(payload()), scratch(tmp_path))
    app = written(made, tmp_path / "ours")
    ours = plistlib.loads((app / "Contents/_CodeSignature/CodeResources").read_bytes())
    apple_platform.sign(app, tmp_path / "theirs.app", timestamp_url="none", exclude=["Contents/Frameworks/**", "Contents/MacOS/tool"])
    theirs = plistlib.loads((tmp_path / "theirs.app/Contents/_CodeSignature/CodeResources").read_bytes())
    # it adds SHA-1 for systems before 10.11, as the code does not say that it needs a newer one
    plain = {path: {key: value for key, value in each.items() if key != "hash"} for path, each in theirs["files2"].items()}
    assert (ours["files"], ours["files2"], ours["rules"], ours["rules2"]) == (theirs["files"], plain, theirs["rules"], theirs["rules2"])


def by(key: Callable[[sealed.Code], apple.About]) -> sealed.Signer:
    return lambda code: apple.signature(code.source, key(code))


def about(code: sealed.Code) -> apple.About:
    return apple.About(identifier=code.identifier, info=code.info, resources=code.resources, runtime=True)


def test_what_a_key_made_before_is_put_back(tree: Tree, tmp_path: Path) -> None:
    made, signatures = sealed.sealed(tree, by(about), scratch(tmp_path))
    again, _ = sealed.sealed(tree, sealed.again(payload(signatures)), scratch(tmp_path))
    assert content(again) == content(made)
    assert seen(content(again)[MAIN]).flags == ("adhoc", "runtime")


def test_a_signature_about_another_application_is_refused(tree: Tree, tmp_path: Path) -> None:
    _, signatures = sealed.sealed(tree, by(about), scratch(tmp_path))
    (tmp_path / "source-0").write_bytes(plistlib.dumps({**INFO, "CFBundleName": "Other"}))
    with pytest.raises(Refused, match="MacOS/demo is about another application"):
        sealed.sealed(tree, sealed.again(payload(signatures)), scratch(tmp_path))


def test_other_code_gets_nobodys_signature(tree: Tree, tmp_path: Path) -> None:
    _, signatures = sealed.sealed(tree, by(about), scratch(tmp_path))
    other = {path: replace(signature, sha256="0" * 64) for path, signature in signatures.items()}
    made, _ = sealed.sealed(tree, sealed.again(payload(other)), scratch(tmp_path))
    assert seen(content(made)[MAIN]).flags == ("adhoc",)


def test_an_application_of_signed_code_is_not_left_unsigned(tree: Tree, tmp_path: Path) -> None:
    signature = Signature(key="0" * 64, size=1, sha256="0" * 64, data="")
    entry = FileEntry(path="a.so", kind="extension", origin=Origin(kind="application"), signature=signature)
    with pytest.raises(ConfigurationError, match="the application was not there yet"):
        sealed.sealed(tree, sealed.again(payload(files=(entry,))), scratch(tmp_path))


def test_data_where_code_belongs_is_refused(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "stray").write_bytes(b"data")
    stray = Node(path="Demo.app/Contents/Frameworks/stray.txt", mode=0o644, size=4, source=tmp_path / "stray")
    whole = Tree(nodes=sorted_with_folders([*tree.nodes, stray]), epoch=tree.epoch)
    with pytest.raises(Refused, match="cannot be sealed") as caught:
        sealed.sealed(whole, sealed.again(payload()), scratch(tmp_path))
    assert "Frameworks/stray.txt is no code" in caught.value.why


def test_the_requirement_of_a_vendors_program_is_told_in_apples_words() -> None:
    expression = (
        b"\0\0\0\6\0\0\0\2\0\0\0\1a\0\0\0\0\0\0\6\0\0\0\x0f"
        b"\0\0\0\x0e\0\0\0\1\0\0\0\x0a\x2a\x86\x48\x86\xf7\x63\x64\6\2\6\0\0\0\0\0\0"
    )  # fmt: skip
    one = b"\xfa\xde\x0c\0" + (12 + len(expression)).to_bytes(4, "big") + b"\0\0\0\1" + expression
    whole = b"\xfa\xde\x0c\1" + (20 + len(one)).to_bytes(4, "big") + b"\0\0\0\1\0\0\0\3\0\0\0\x14" + one
    told = '(identifier "a") and ((anchor apple generic) and (certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */))'
    assert requirement.designated(whole) == told
    with pytest.raises(ValueError, match="is none"):
        requirement.designated(whole[:-4])
