"""What a tree is made of: every collected file counts once, for the part that it comes from."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import markupsafe
import pytest
from freezing.installed import carried, named
from freezing.origins import collected_files, origins_of
from freezing.parts import Source, parts

SPEEDUPS = str(next(Path(markupsafe.__file__).parent.glob("_speedups*.so")))
LIBRARY = "libXau-1.so"  # wheels bring libraries in a folder of their own; PyInstaller links to them from the top


def job(work: Path) -> Source:
    return Source(application="pair", declared=[], freezer=[], licenses=[], source=str(work), work=str(work))


def collected(work: Path) -> list[tuple[str, str, str]]:
    """An extension of a distribution, a library of the application, and a link to each."""
    (work / LIBRARY).write_bytes(b"x" * 1000)
    return [
        ("markupsafe/_speedups.so", SPEEDUPS, "EXTENSION"),
        ("lib/speedups.so", "../markupsafe/_speedups.so", "SYMLINK"),
        (f"pair.libs/{LIBRARY}", str(work / LIBRARY), "BINARY"),
        (LIBRARY, f"pair.libs/{LIBRARY}", "SYMLINK"),
    ]


def test_a_link_counts_where_it_leads_to(tmp_path: Path) -> None:
    analysis = SimpleNamespace(binaries=collected(tmp_path), datas=[], pure=[], scripts=[])
    sizes = {(part["kind"], part["name"]): part["size"] for part in parts(analysis, {}, job(tmp_path))}
    speedups = Path(SPEEDUPS).stat().st_size
    assert sizes == {("application", "pair"): 1000, ("distribution", "markupsafe"): speedups, ("freezer", "pyinstaller"): 0}


def test_a_link_has_the_origin_of_what_it_leads_to(tmp_path: Path) -> None:
    toc = tmp_path / "build" / "product" / "COLLECT-00.toc"
    toc.parent.mkdir(parents=True)
    toc.write_text(repr(([], collected(tmp_path))), encoding="utf-8")
    assert collected_files(job(tmp_path))["lib/speedups.so"] == SPEEDUPS
    names = {destination: origin["name"] for destination, origin in origins_of(job(tmp_path))}
    assert (names["lib/speedups.so"], names[LIBRARY]) == ("markupsafe", "pair")


def test_what_setuptools_carries_within_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (tmp_path, tmp_path / "setuptools" / "_vendor"):
        info = folder / f"{'outer' if folder == tmp_path else 'inner'}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {info.name.partition('-')[0]}\nVersion: 1.0\n")
        monkeypatch.syspath_prepend(str(folder))
    assert named("outer")
    assert named("inner") is None


def test_what_one_carries_within_it_does_not_need_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "outer-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outer\nVersion: 1.0\n")
    (info / "RECORD").write_text("outer/_vendor/in_ner-1.0.dist-info/METADATA,,\nouter-1.0.dist-info/METADATA,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    carried.cache_clear()
    assert carried("outer") == {"in-ner"}
    assert carried("absent") == frozenset()
