"""A product for Windows made by hand: real programs by Go's cross compiler, and hundreds of files with names that installers trip over."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from coldforge.bundle.stage import bundle_target
from coldforge.host.files import beside
from coldforge.plan.model import Plan
from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, Executable, Matrix, Product, TargetConfig
from coldforge.project.desktop import FileAssociation
from coldforge.project.windows import WindowsConfig
from coldforge.records import FileEntry, Payload, SourceRecord, canonical, digest_of
from support import images, payloads, rich
from support.require import tool

TARGET: Final = "windows-x86_64"
ID: Final = "org.example.demo"
NAME: Final = "Démo & more"
# `demo` says its version, where it is and what it was given, and writes the latter into a file when asked to; the other has a window.
CONSOLE: Final = """\
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

var version = "none"

func main() {
	here, _ := os.Executable()
	text, _ := os.ReadFile(filepath.Join(filepath.Dir(here), "_internal", "größe.txt"))
	fmt.Printf("demo %s %q %q\\n", version, string(text), os.Args[1:])
	if len(os.Args) > 2 && os.Args[1] == "--write" {
		os.WriteFile(os.Args[2], []byte(fmt.Sprintf("%q", os.Args[3:])), 0o644)
	}
	if len(os.Args) > 1 && os.Args[1] == "--fail" {
		os.Exit(3)
	}
	if len(os.Args) > 1 && os.Args[1] == "--wait" {
		os.Stdin.Read(make([]byte, 1))
	}
}
"""
WINDOWED: Final = """\
package main

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

func main() {
	runtime.LockOSThread()
	user := syscall.NewLazyDLL("user32.dll")
	class, _ := syscall.UTF16PtrFromString("Static")
	title, _ := syscall.UTF16PtrFromString("demo")
	window, _, _ := user.NewProc("CreateWindowExW").Call(
		0, uintptr(unsafe.Pointer(class)), uintptr(unsafe.Pointer(title)), 0x10cf0000, 0, 0, 200, 100, 0, 0, 0, 0)
	os.WriteFile(os.Args[1], []byte("open"), 0o644)
	var message [8]uint64
	for {
		if there, _, _ := user.NewProc("IsWindow").Call(window); there == 0 {
			break
		}
		user.NewProc("GetMessageW").Call(uintptr(unsafe.Pointer(&message)), 0, 0, 0)
		user.NewProc("DispatchMessageW").Call(uintptr(unsafe.Pointer(&message)))
	}
	os.WriteFile(os.Args[1], []byte("closed"), 0o644)
}
"""
# A program that lacks something which freezing has lost, and one that does not end.
INCOMPLETE: Final = """\
package main

import "os"

func main() {
	os.Stderr.WriteString("Traceback (most recent call last):\\nModuleNotFoundError: No module named 'demo.plugins'\\n")
	os.Exit(1)
}
"""
SERVER: Final = """\
package main

import "time"

func main() { time.Sleep(time.Hour) }
"""
PRODUCT: Final[Product] = replace(
    payloads.PRODUCT,
    identifier=ID,
    display_name=NAME,
    icon="assets/demo.png",
    license_files=("LICENSE",),
    executables=(
        Executable(name="demo", entry="demo"),
        Executable(
            name="demo-gui",
            entry="demo-gui",
            console=False,
            url_schemes=("demo",),
            file_associations=(
                FileAssociation(
                    mime_type="application/x-demo", extensions=("demo", "demo.gz"), name="Demo $HOME document", icon="assets/file.svg"
                ),
                FileAssociation(mime_type="text/plain"),
            ),
        ),
    ),
)
EMPTY: Final = "_internal/leer/$x"
NAMES: Final = {
    "_internal/größe.txt": "it runs\n",
    "_internal/a b/'c' {a}[b] $HOME ${NSISDIR} %PATH% ;x.txt": "strange\n",
    "_internal/日本語/данные.bin": "names\n",
    f"_internal/{'long' * 15}/{'name' * 25}.txt": "long\n",
    "licenses/x/LICENSE": "free\n",
}


def program(version: str, *, windowed: bool) -> bytes:
    """`demo` in a version, or the program with a window."""
    return compiled(WINDOWED, "-H windowsgui") if windowed else compiled(CONSOLE, f"-X main.version={version}")


@cache
def compiled(source: str, flags: str = "") -> bytes:
    """A real program for Windows; compiled once, and kept by what it is made of."""
    go = tool("go", "apt-get install golang-go")
    kept = images.cache() / f"{digest_of([source, flags])[:16]}.exe"
    if not kept.is_file():
        with beside(kept) as made:
            folder = made.with_suffix(".source")
            folder.mkdir()
            (folder / "main.go").write_text(source)
            (folder / "go.mod").write_text("module example.org/demo\n\ngo 1.21\n")
            words = [go, "build", "-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {flags}", "-o", str(made), "."]
            environment = {**os.environ, "GOOS": "windows", "GOARCH": "amd64", "CGO_ENABLED": "0"}
            done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
            for path in (folder / "main.go", folder / "go.mod"):
                path.unlink()
            folder.rmdir()
            assert done.returncode == 0, done.stderr
    return kept.read_bytes()


def contents(version: str, *, western: bool = False) -> dict[str, bytes]:
    """The files of the tree, of which some are of one version only; `western` leaves out names that a code page of the West has not."""
    many = {f"_internal/lib/part{number % 20}/module_{number}.pyd": f"{number}\n".encode() * 50 for number in range(400)}
    own = {f"_internal/only in {version}/data.txt": b"x\n", "_internal/version.txt": version.encode()}
    programs = {"demo.exe": program(version, windowed=False), "demo-gui.exe": program(version, windowed=True)}
    named = {
        name: text.encode() for name, text in NAMES.items() if not western or name.encode("cp1252", "replace").decode("cp1252") == name
    }
    return {**programs, **many, **own, **named}


def make(
    folder: Path,
    version: str = "1.2.0",
    config: WindowsConfig | None = None,
    product: Product = PRODUCT,
    *,
    formats: tuple[str, ...] = ("zip", "nsis"),
    reverse: bool = False,
) -> tuple[Plan, Payload]:
    """A project in `folder`, its plan and its payload in `dist/`; `reverse` turns the order of creation."""
    from PIL import Image

    root = folder / "dist" / TARGET / "payload"
    for name, data in sorted(contents(version, western="msi" in formats).items(), reverse=reverse):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if name.endswith(".exe") else 0o644)
    (root / EMPTY).mkdir(parents=True)
    (folder / "LICENSE").write_text("Copyright © Some Body\n\nDo as you like.\n", "utf-8")
    (folder / "assets").mkdir()
    Image.new("RGBA", (256, 256), (0, 90, 50, 255)).save(folder / product.icon, "PNG")
    (folder / "assets" / "file.svg").write_text(rich.SVG)
    made = payloads.payload_of(root)
    payload = replace(made, target=TARGET, glibc_floor="", files=tuple(map(_entry, made.files)))
    (root.parent / "payload.json").write_bytes(canonical(payload))
    matrix = Matrix(targets={TARGET: TargetConfig(formats=formats)})
    config_of = Config(windows=config or WindowsConfig())
    source = SourceRecord(epoch=payloads.EPOCH)
    product = replace(product, version=version)
    return make_plan(product=product, config=config_of, source=source, matrix=matrix, coldforge="0"), payload


def _entry(entry: FileEntry) -> FileEntry:
    return replace(entry, kind="executable", mode=0o755) if entry.path.endswith(".exe") else entry


def bundled(folder: Path, version: str = "1.2.0", config: WindowsConfig | None = None, **rest: object) -> tuple[dict[str, Path], Payload]:
    """The artifacts of the product by their format, and the payload."""
    plan, payload = make(folder, version, config, **rest)  # type: ignore[arg-type]
    made = bundle_target(plan, plan.targets[0], payload, project=folder, out=folder / "dist", jobs=2)
    return {artifact.format: folder / "dist" / artifact.path for artifact in made}, payload
