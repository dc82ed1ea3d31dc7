"""Where a target is frozen: the build image that keeps the floor that is promised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from coldforge.errors import DOCS, Problem
from coldforge.project.images import Image, is_pinned, known
from coldforge.target import Target

ANY: Final = "linux"  # the container that means: the entry of this name, or the one that keeps the floor
_ADD: Final = f"add one to containers/images.toml: {DOCS}/how-to/containers.md"


def choose(target: Target, container: str, floor: str, images: Mapping[str, Image]) -> tuple[str, Problem | None]:
    """The build image of a target: an entry's name, a digest, or nothing (the runner itself); and why there is none that fits.

    A named entry is taken at its word. `linux`, or a floor alone, is the entry `linux`, or the newest whose glibc is not above
    the floor. `floor` is empty or like glibc-2.28.
    """
    if target.os != "linux" or is_pinned(container) or not (container or floor):
        return container, None
    if target.musl and floor:
        return container, Problem(what=f"{target}: a program that is made with musl has no glibc floor", hint="remove the floor")
    if container not in ("", ANY) and container not in images:
        return container, Problem(what=f"{target}: there is no build image {container!r}", hint=known(container, images))
    if container in ("", ANY):
        chosen = _best(target, floor, images)
        return (chosen, None) if chosen else (container, _none(target, floor, images))
    return container, _unfit(target, container, floor, images[container])


def _best(target: Target, floor: str, images: Mapping[str, Image]) -> str:
    """The newest fitting entry that keeps the floor; without a floor the entry `linux`, if it fits."""
    fitting = [name for name, image in images.items() if image.serves(target) and _keeps(image, floor)]
    if not floor and ANY in fitting:
        return ANY
    return max(fitting, key=lambda name: (_number(images[name].glibc or images[name].musl), name == ANY, name), default="")


def _keeps(image: Image, floor: str) -> bool:
    return not floor or (bool(image.glibc) and _number(image.glibc) <= _number(floor))


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.removeprefix("glibc-").split(".") if part.isdecimal())


def _none(target: Target, floor: str, images: Mapping[str, Image]) -> Problem:
    promised = f" for {floor}" if floor else ""
    hint = f"they are: {'; '.join(_told(images)) or 'none'}. Raise the floor, or {_ADD}" if floor else _ADD
    return Problem(what=f"{target}: there is no build image{promised}", hint=hint)


def _told(images: Mapping[str, Image]) -> Iterator[str]:
    for name, image in sorted(images.items()):
        library = f"glibc-{image.glibc}" if image.glibc else f"musl {image.musl}" if image.musl else "C library not told"
        yield f"{name} ({library}{', ' if image.architectures else ''}{', '.join(image.architectures)})"


def _unfit(target: Target, name: str, floor: str, image: Image) -> Problem | None:
    """Why a named entry cannot be what the target is frozen in."""
    if not image.serves(target):
        has = "musl" if image.musl else "the GNU C library"
        of = f" for {' and '.join(image.architectures)}" if image.architectures else ""
        return Problem(what=f"{target}: the build image {name!r} has {has}{of}", hint=f"choose another, or {_ADD}")
    if floor and image.glibc and not _keeps(image, floor):
        hint = f"`container: {ANY}` chooses one by the floor; or promise glibc-{image.glibc}"
        return Problem(what=f"{target}: {floor} is promised, and the build image {name!r} gives glibc-{image.glibc}", hint=hint)
    return None
