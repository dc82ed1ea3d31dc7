"""A disk image and a package's parts for macOS of one large tree, beside what plain tools take to compress the same tree.

The tree is that of packages.py. No tool that is to be had on Linux writes either format as coldforge does; `tar | gzip -6` reads and
compresses as much.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from measure import Cost, cost
from packages import ROOT, tree

OURS = """
import sys
sys.path[:0] = [{source!r}]
from pathlib import Path
from coldforge.bundle import bom, cpio, hfs, udif
from coldforge.bundle.tree import load
from coldforge.records import Payload, read
folder, what = Path({folder!r}), {what!r}
content = load(read(folder / "payload.json", Payload), folder / "payload", 1_700_000_000, jobs=2)
if what == "dmg":
    with (folder / "made").open("wb") as stream:
        udif.write(hfs.write(hfs.Volume(name="Demo", tree=content, identity=1)), stream)
else:
    cpio.pack(content, folder / "made")
    (folder / "Bom").write_bytes(bom.of(content))
"""


def main() -> None:
    """Print one table."""
    print("| what | by | wall | wall ÷ plain | CPU ÷ plain | memory, MB | size, MB |\n|---|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        tree(Path(name))
        folder = Path(name) / "linux-x86_64"
        plain = cost(["sh", "-c", f"tar -C {folder}/payload -cf - . | gzip -6 > {folder}/plain"])
        show("tar.gz", "tar and gzip -6", plain, plain, folder / "plain")
        for what in ("dmg", "pkg"):
            code = OURS.format(source=str(ROOT / "src"), folder=str(folder), what=what)
            spent = cost([sys.executable, "-c", code], env={"COLDFORGE_CACHE": str(folder / f"cache-{what}")})
            show(what, "coldforge", spent, plain, folder / "made")
    print(f"\n{os.cpu_count()} processors.")


def show(what: str, by: str, spent: Cost, plain: Cost, out: Path) -> None:
    """One row."""
    ratios = f"{spent.wall / plain.wall:.2f} | {spent.cpu / plain.cpu:.2f}"
    print(f"| {what} | {by} | {spent.wall:.1f} s | {ratios} | {spent.memory / 1e6:.0f} | {out.stat().st_size / 1e6:.1f} |", flush=True)


if __name__ == "__main__":
    main()
