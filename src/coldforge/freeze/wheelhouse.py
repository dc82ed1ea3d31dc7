"""What lies in a wheelhouse, and whether that is all that a freeze installs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from coldforge.errors import Missing, Problem
from coldforge.freeze.requirements import Pin
from coldforge.host import files


def listing(folder: Path | None) -> dict[str, str]:
    """The files by name with their sha256: which of several that a lock allows is installed depends on what is there."""
    return {path.name: files.sha256(path) for path in sorted(folder.iterdir()) if path.is_file()} if folder else {}


def check_held(folder: Path | None, wanted: Iterable[Pin]) -> None:
    """Every one must be in the wheelhouse, if there is one. Raises Missing with all that are not, and the command that gets them."""
    if folder is None:
        return
    held = set(_held(folder))
    lacking = sorted({f"{pin.name}=={pin.version}" for pin in wanted if (pin.name, _version(pin.version)) not in held})
    if lacking:
        problems = tuple(Problem(what=f"{text} is not there") for text in lacking)
        hint = f"Where there is a network: python -m pip download --no-deps --dest {folder.name} {' '.join(lacking)}"
        raise Missing(f"the wheelhouse {folder.name} does not hold all that is installed", problems=problems, hint=hint)


def _version(text: str) -> str:
    from packaging.utils import canonicalize_version

    return canonicalize_version(text, strip_trailing_zero=True)


def _held(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and version of every distribution; other files are none."""
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

    for path in folder.iterdir():
        try:
            name, version, *_ = parse_wheel_filename(path.name) if path.suffix == ".whl" else parse_sdist_filename(path.name)
        except (InvalidWheelFilename, InvalidSdistFilename):
            continue
        yield name, _version(str(version))
