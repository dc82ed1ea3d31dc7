"""What lies in a release folder: a download, or `dist/` itself with the work of the build around the release."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from coldforge.errors import ConfigurationError
from coldforge.records import CARRIED, INDEX, MANIFEST, REPORT, SINGLES, TREE, Manifest

# What lies in dist/ on the machine that built it, and is no part of the release.
WORK_FILES: Final = frozenset({"plan.json", "release.json", REPORT, ".lock"})
TARGET_FILES: Final = frozenset({INDEX, MANIFEST})
TREES: Final = (TREE, SINGLES, CARRIED)
TARGET_FOLDERS: Final = frozenset({*TREES, "logs"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """The files of a release in a folder, by name; `odd` are entries that are no regular files or share a name.

    `work` is what a build left beside the release: nobody signed it as a file of the release. `trees` are the folders in it that hold
    what was signed to be in the packages, or is recorded to be brought by them, by where they lie (`linux-x86_64/payload`).
    """

    path: Path
    files: Mapping[str, Path]
    odd: Mapping[str, str]
    work: tuple[str, ...] = ()
    trees: Mapping[str, Path] = field(default_factory=dict)


def collect(folder: Path) -> Folder:
    """The files in a release folder; links are not followed, names that a file system may confuse are odd."""
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is not a folder")
    found: dict[str, Path] = {}
    odd: dict[str, str] = {}
    folded: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        name = path.name
        twin = folded.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if not _is_regular(path):
            odd[name] = "it is not a regular file"
        elif twin != name:
            odd[name] = f"its name can be confused with {twin}"
        else:
            found[name] = path
    return Folder(path=folder, files=found, odd=odd)


def _is_regular(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def as_built(found: Folder, manifest: Manifest) -> Folder:
    """The folder with every artifact where the build put it, when it is `dist/` itself; else as it is.

    Only a manifest that is genuine makes something the work of a build: a `payload.json` can be put anywhere.
    """
    homes = {artifact.path: artifact.name for artifact in manifest.artifacts if "/" in artifact.path}
    targets = [target.target for target in manifest.targets if _is_folder(found, target.target)]
    inside = {f"{target}/{path.name}": path for target in targets for path in sorted((found.path / target).iterdir())}
    built = {homes[place]: path for place, path in inside.items() if place in homes and _is_regular(path)}
    if not built or not found.files.keys().isdisjoint(homes.values()):
        return found
    shown = {f"{target.target}/{one.screenshot}" for target in manifest.targets for trial in target.smoke.trials for one in trial.windows}
    left = {place for place, path in inside.items() if _is_work(path) or (place in shown and _is_regular(path))}
    work = {name for name in found.files if name in WORK_FILES} | left
    trees = {place: inside[place] for place in left if inside[place].name in TREES}
    strange = {place: "the release does not list it" for place in inside.keys() - work if inside[place] not in built.values()}
    return Folder(
        path=found.path,
        files={name: path for name, path in found.files.items() if name not in work} | built,
        odd={name: why for name, why in found.odd.items() if name not in targets} | strange,
        work=tuple(sorted(work - trees.keys())),
        trees=trees,
    )


def _is_folder(found: Folder, name: str) -> bool:
    path = found.path / name
    return name in found.odd and path.is_dir() and not path.is_symlink()


def _is_work(path: Path) -> bool:
    """Whether something in a target's folder is what its freeze left there."""
    return path.name in TARGET_FILES if _is_regular(path) else path.name in TARGET_FOLDERS and path.is_dir() and not path.is_symlink()
