"""Installers for Windows of one large tree: coldforge's beside plain makensis and wixl, in one run; and what NSIS's compressors cost.

The tree is that of `packages.py`: the largest files of the distributions that run this, up to 200 MB. Plain makensis packs a folder
by `File /r`, as most scripts do; plain wixl takes what wixl-heat lists. Neither registers, upgrades or removes anything.

    python benchmarks/installers.py [MEGABYTES]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Cost, cost
from packages import INDEX, ROOT, SIZE, tree

TARGET = "windows-x86_64"
COMPRESSORS = ("zlib", "/SOLID zlib", "/SOLID bzip2", "lzma")
DICTIONARIES = (16, 32, 64)  # MB that `/SOLID lzma` looks back, 8 unless it is told; coldforge takes the last
OURS = """
import sys
sys.path[:0] = [{source!r}]
from pathlib import Path
from msgspec.structs import replace
from coldforge.bundle.stage import bundle_target
from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, Executable, Matrix, Product, TargetConfig
from coldforge.records import Payload, SourceRecord, read
folder = Path({folder!r})
product = Product(name="demo", version="1.0", maintainer="A <a@example.org>", executables=(Executable(name="demo", entry="d:m"),))
matrix = Matrix(targets={{"windows-x86_64": TargetConfig(formats=({form!r},))}})
plan = make_plan(product=product, config=Config(), source=SourceRecord(epoch=1_700_000_000), matrix=matrix, coldforge="0")
payload = replace(read(folder / "windows-x86_64" / "payload.json", Payload), target="windows-x86_64", glibc_floor="")
bundle_target(plan, plan.targets[0], payload, project=folder, out=folder, clean=True)
"""
NSI = """\
Unicode true
Target amd64-unicode
Name demo
OutFile "{out}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\\demo"
SetCompressor {compressor}
SetCompressorDictSize {dictionary}
Section
SetOutPath $INSTDIR
File /r "{tree}/*.*"
WriteUninstaller "$INSTDIR\\uninstall.exe"
SectionEnd
Section Uninstall
RMDir /r $INSTDIR
SectionEnd
"""
WXS = """\
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi"><Product Id="*" Name="demo" Language="1033" Version="1.0.0" Manufacturer="demo"
UpgradeCode="6D1C5A20-3E7E-4E86-9B3C-0C4C0F9A0012"><Package InstallerVersion="200" Compressed="yes"/>
<Media Id="1" Cabinet="a.cab" EmbedCab="yes"/><Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFiles64Folder">
<Directory Id="INSTALLDIR" Name="demo"/></Directory></Directory>
<Feature Id="F" Level="1"><ComponentGroupRef Id="All"/></Feature></Product></Wix>
"""


def ours(folder: Path, form: str) -> tuple[Cost, Path]:
    """What coldforge takes for an installer, and where it is."""
    code = OURS.format(source=str(ROOT / "src"), folder=str(folder), form=form)
    spent = cost([sys.executable, "-c", code], env={"COLDFORGE_CACHE": str(folder / "cache")})
    (made,) = (path for path in (folder / TARGET).glob("demo*") if path.is_file())
    return spent, made


def makensis(folder: Path, compressor: str, dictionary: int = 8) -> tuple[Cost, Path]:
    """What plain makensis takes."""
    out = folder / f"plain.{compressor.replace('/', '').replace(' ', '-')}.{dictionary}.exe"
    script = folder / "plain.nsi"
    script.write_text(NSI.format(out=out, compressor=compressor, dictionary=dictionary, tree=folder / TARGET / "payload"))
    return cost(["makensis", "-V1", "-NOCONFIG", script]), out


def wixl(folder: Path) -> tuple[Cost, Path]:
    """What plain wixl takes, with the list that wixl-heat makes."""
    payload, out = folder / TARGET / "payload", folder / "plain.msi"
    listed = "\n".join(str(path) for path in sorted(payload.rglob("*")) if path.is_file()) + "\n"
    words = ["wixl-heat", "-p", f"{payload}/", "--component-group", "All", "--var", "var.Tree", "--directory-ref", "INSTALLDIR", "--win64"]
    heat = subprocess.run(words, input=listed, capture_output=True, text=True, check=True)
    (folder / "files.wxs").write_text(heat.stdout)
    (folder / "plain.wxs").write_text(WXS)
    place = payload.relative_to(folder)  # it takes no absolute ones
    words = ["wixl", "-a", "x64", "-D", f"Tree={place}", "-D", "Win64=yes", "-o", out.name, "plain.wxs", "files.wxs"]
    return cost(words, cwd=folder), out


def show(form: str, by: str, made: tuple[Cost, Path], peer: tuple[Cost, Path]) -> None:
    """One row."""
    (spent, out), (base, other) = made, peer
    size = out.stat().st_size
    ratios = f"{spent.wall / base.wall:.2f} | {spent.cpu / base.cpu:.2f} | {size / other.stat().st_size:.2f}"
    print(f"| {form} | {by} | {spent.wall:.1f} s | {ratios} | {size / 1e6:.1f} | {spent.memory / 1e6:.0f} |", flush=True)


def main() -> None:
    """Print one table; the first row of each format is what the others are compared with."""
    print("| format | by | wall | wall ÷ | CPU ÷ | size ÷ | size, MB | memory, MB |\n|---|---|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tree(folder, int(sys.argv[1]) * 1_000_000 if len(sys.argv) > 1 else SIZE)
        (folder / "linux-x86_64").rename(folder / TARGET)
        (folder / TARGET / "payload" / "demo").unlink()
        (folder / TARGET / "payload" / "demo.exe").write_bytes(b"MZ")
        index(folder)
        plain = makensis(folder, "/SOLID lzma")
        show("nsis", "makensis /SOLID lzma", plain, plain)
        show("nsis", "coldforge", ours(folder, "nsis"), plain)
        next((folder / TARGET).glob("demo*.exe")).unlink()
        for compressor in COMPRESSORS:
            show("nsis", f"makensis {compressor}", makensis(folder, compressor), plain)
        for dictionary in DICTIONARIES:
            show("nsis", f"makensis /SOLID lzma, {dictionary} MB", makensis(folder, "/SOLID lzma", dictionary), plain)
        if shutil.which("wixl-heat"):
            database = wixl(folder)
            show("msi", "wixl", database, database)
            show("msi", "coldforge", ours(folder, "msi"), database)


def index(folder: Path) -> None:
    """The index of the tree, once it has a program for Windows."""
    code = INDEX.format(source=str(ROOT / "src"), folder=str(folder)).replace("linux-x86_64", TARGET).replace('"demo")', '"demo.exe")')
    cost([sys.executable, "-c", code])


if __name__ == "__main__":
    main()
