"""Every format of every system, signed as it can be, and built again without a key: the released bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from coldforge.plan.formats import FORMATS
from coldforge.records import DETACHED, MANIFEST, Manifest, read
from support import packaged, rich, runtimes
from support.authority import Authority
from support.program import coldforge
from support.repository import write
from support.require import tool

pytestmark = pytest.mark.integration

TARGETS: Final = {"linux": "linux-x86_64", "windows": "windows-x86_64", "macos": "macos-aarch64"}
CONFIG: Final = """\
freezer = "command"
identifier = "org.example.hello"
display-name = "Hello"
icon = "icon.svg"

[project]
name = "hello"
version = "1.2"
description = "It says hello"
license = "MIT"
authors = [{ name = "Demo Ltd", email = "demo@example.org" }]

[command]
run = ["sh make.sh {out} {target}"]

[executables.hello]
entry = "hello"
console = false

[appimage]
update = "zsync|https://example.org/hello.AppImage.zsync"

[windows]
msix-publisher = "CN=Demo Ltd"
"""
# One compiler for all three; the linker says what needs a window on Windows.
MAKE: Final = """\
export CGO_ENABLED=0
case $2 in
  linux-*) GOOS=linux GOARCH=amd64 exec go build -trimpath -o "$1/hello" . ;;
  windows-*) GOOS=windows GOARCH=amd64 exec go build -trimpath -ldflags -H=windowsgui -o "$1/hello" . ;;
  macos-*) GOOS=darwin GOARCH=arm64 exec go build -trimpath -o "$1/hello" . ;;
esac
"""
SOURCES: Final = {
    "coldforge.toml": CONFIG,
    "make.sh": MAKE,
    "icon.svg": rich.SVG,
    "go.mod": "module example.org/hello\n\ngo 1.21\n",
    "main.go": 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello") }\n',
}
# In order, as the release workflow does it: an installer's plug-ins are signed before the uninstaller that has them in it is made.
ROUNDS: Final = ("freeze", *("bundle --carried", "sign --payload") * 2, "bundle", "sign")
SIGNED: Final = {
    "deb",
    "rpm",
    "apk",
    "appimage",
    "nsis",
    "msi",
    "msix",
    "onefile",
    "dmg",
    "pkg",
}  # in the file itself; arch has one beside it


def formats(system: str) -> list[str]:
    """All that this system has. What is for the terminal is no application: on macOS `tar.gz` is for programs without a window."""
    return [name for name, form in FORMATS.items() if form.suits(system) and (system, name) != ("macos", "tar.gz")]


def test_every_format_signed_is_built_again_to_the_released_bytes(host_env: dict[str, str], tmp_path: Path) -> None:
    tool("go", "https://go.dev/doc/install")
    authority = Authority(tmp_path)
    authority.signer("windows", "Demo Ltd")
    for name, kind in (("app", "Application"), ("installer", "Installer")):
        authority.signer(name, f"Developer ID {kind}: Demo Ltd (ABCDE12345)", team="ABCDE12345")
    lines = [f"  {target}: {{formats: [{', '.join(formats(system))}]}}\n" for system, target in TARGETS.items()]
    project, dist = tmp_path / "source", tmp_path / "dist"
    project.mkdir()
    runtimes.pin(project, runtimes.by_hand())
    write(project, {**SOURCES, "matrix.yml": "targets:\n" + "".join(lines)})
    named = [word for target in TARGETS.values() for word in ("--target", target)]
    keys = {
        "COLDFORGE_OPENPGP_KEY": packaged.key().private,
        "COLDFORGE_RSA_KEY": packaged.rsa(tmp_path).read_text(),
        "COLDFORGE_AUTHENTICODE_KEY": str(authority.folder / "windows.pfx"),
        "COLDFORGE_APPLE_KEY": str(authority.folder / "app.pfx"),
        "COLDFORGE_APPLE_INSTALLER_KEY": str(authority.folder / "installer.pfx"),
        **{f"COLDFORGE_{of}_PASSPHRASE": "vertraulich" for of in ("AUTHENTICODE", "APPLE", "APPLE_INSTALLER")},
    }
    with authority.stamping() as url:
        env = {**host_env, **keys, "COLDFORGE_TIMESTAMP_SERVERS": url, "COLDFORGE_APPLE_TIMESTAMP_SERVERS": url}
        for words in map(str.split, ROUNDS):
            if words[0] == "sign":
                coldforge(*words, *(("--project", project) if "--payload" in words else ()), dist, env=env).succeeded()
            else:
                coldforge(*words, project, "--host", *named, "--out", dist, env=host_env).succeeded()
    made = read(dist / MANIFEST, Manifest)
    for record, system in zip(made.targets, sorted(TARGETS), strict=True):
        assert {one.format for one in record.artifacts} - {DETACHED} == set(formats(system))
    assert {one.format for one in made.artifacts if one.signature} == SIGNED
    assert [one.name.endswith(".pkg.tar.zst.sig") for one in made.artifacts if one.format == DETACHED] == [True]

    told = json.loads(coldforge("rebuild", dist, "--unverified", "--host", "--source", project, "--json", env=host_env).succeeded().out)
    assert told["word"] == "identical"
    assert {row["name"] for row in told["rows"] if row["word"] == "identical"} == {
        *(one.name for one in made.artifacts if one.format != DETACHED), *(f"{target}/payload" for target in TARGETS.values())
    }  # fmt: skip
