"""What was collected, before it is written: completed with metadata, cleaned of traces of installers and build machines, in order."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from freezing.installed import named, normalised, real, recorded_files
from freezing.search_path import cleaned

ORIGINALS = "originals.json"
PRELOAD = Path("/etc/ld.so.preload")
# What the installer of a wheel left: pip and uv leave different things, none of it belongs to the application.
INSTALLER_TRACES = frozenset({"INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"})


def complete(analysis: Any, application: str, freezer: Sequence[str], work: str) -> None:
    """Called by the spec: metadata of every distribution in use, no traces of installers and build machines, everything in order.

    Programs ask importlib.metadata for versions and entry points of distributions, their own and others',
    in ways that no analysis sees; the metadata costs a few kilobytes each.
    """
    from PyInstaller.utils.hooks import copy_metadata

    index = recorded_files()
    sources = [entry[1] for toc in (analysis.pure, analysis.binaries, analysis.datas) for entry in toc]
    used = {index[path][0] for path in map(real, sources) if path in index} | {normalised(application)}
    present = {entry[0].partition("/")[0] for entry in analysis.datas}
    for name in sorted(used - set(freezer)):
        found = named(name)
        folder = Path(str(getattr(found, "_path", ""))).name
        if found is None or folder in present:
            continue
        for source, destination in copy_metadata(name):
            files = [path for path in sorted(Path(source).rglob("*")) if path.is_file()] if Path(source).is_dir() else [Path(source)]
            base = Path(source) if Path(source).is_dir() else Path(source).parent
            analysis.datas += [((Path(destination) / path.relative_to(base)).as_posix(), str(path), "DATA") for path in files]
    analysis.datas = sorted(entry for entry in analysis.datas if not is_trace(entry[0]))
    own = [entry for entry in analysis.binaries if real(entry[1]) not in preloaded()]
    analysis.binaries = sorted(without_foreign_folders(own, work))


@cache
def preloaded() -> frozenset[str]:
    """The libraries that this machine loads into every process: `ldd` tells them of each file, and none needs them.

    Source: ld.so(8)
    """
    try:
        return frozenset(map(real, re.split(r"[\s:]+", PRELOAD.read_text(encoding="utf-8", errors="surrogateescape").strip())))
    except OSError:
        return frozenset()


def without_foreign_folders(binaries: Sequence[tuple[str, str, str]], work: str) -> list[tuple[str, str, str]]:
    """The binaries; in the place of those that search for libraries on the machine they were built on, copies that don't."""
    taken, originals = [], originals_of(work)
    for destination, source, kind in binaries:
        data = Path(source).read_bytes() if sys.platform == "linux" and Path(source).is_file() else b""
        if (clean := cleaned(data)) == data:
            taken.append((destination, source, kind))
            continue
        copy = Path(work) / "cleaned" / destination
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(clean)
        copy.chmod(Path(source).stat().st_mode)
        originals[str(copy)] = source
        taken.append((destination, str(copy), kind))
    (Path(work) / ORIGINALS).write_text(json.dumps(originals), encoding="utf-8")
    return taken


def originals_of(work: str) -> dict[str, str]:
    """What the cleaned copies were made of."""
    path = Path(work) / ORIGINALS
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def is_trace(destination: str) -> bool:
    """Whether a collected file was written by the installer, not by the distribution."""
    parts = destination.replace("\\", "/").split("/")
    return len(parts) >= 2 and parts[-2].endswith(".dist-info") and parts[-1] in INSTALLER_TRACES
