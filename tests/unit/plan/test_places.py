"""A floor chooses the build image that keeps it, or says which there are."""

from __future__ import annotations

from typing import Final

import pytest

from coldforge.plan.places import choose
from coldforge.project.images import Image
from coldforge.target import Target

DIGEST: Final = f"sha256:{'0' * 64}"
X86: Final = Target.parse("linux-x86_64")
ARM: Final = Target.parse("linux-aarch64")
MUSL: Final = Target.parse("linux-x86_64-musl")
IMAGES: Final = {
    "linux": Image(base=DIGEST, glibc="2.36", architectures=("x86_64",)),
    "older": Image(base=DIGEST, glibc="2.31", architectures=("x86_64", "aarch64")),
    "ancient": Image(base=DIGEST, glibc="2.9"),
    "alpine": Image(base=DIGEST, musl="1.2", architectures=("x86_64",)),
    "unknown": Image(base=DIGEST),
}


@pytest.mark.parametrize(
    ("target", "container", "floor", "chosen"),
    [
        (X86, "linux", "", "linux"),
        (X86, "linux", "glibc-2.40", "linux"),
        (X86, "linux", "glibc-2.36", "linux"),
        (X86, "linux", "glibc-2.35", "older"),
        (X86, "", "glibc-2.35", "older"),
        (X86, "linux", "glibc-2.30", "ancient"),
        (X86, "older", "glibc-2.31", "older"),
        (X86, "unknown", "glibc-2.31", "unknown"),
        (X86, DIGEST, "glibc-2.17", DIGEST),
        (X86, "", "", ""),
        (ARM, "linux", "", "older"),
        (ARM, "linux", "glibc-2.36", "older"),
        (MUSL, "linux", "", "alpine"),
        (MUSL, "alpine", "", "alpine"),
        (MUSL, "", "", ""),
        (Target.parse("windows-x86_64"), "", "10.0", ""),
    ],
)
def test_the_newest_image_that_keeps_the_floor_is_chosen(target: Target, container: str, floor: str, chosen: str) -> None:
    assert choose(target, container, floor, IMAGES) == (chosen, None)


@pytest.mark.parametrize(
    ("target", "container", "floor", "words"),
    [
        (X86, "linux", "glibc-2.5", ("no build image for glibc-2.5", "linux (glibc-2.36, x86_64)", "alpine (musl 1.2", "Raise the floor")),
        (X86, "", "glibc-2.5", ("no build image for glibc-2.5",)),
        (X86, "linux", "glibc-2", ("no build image for glibc-2",)),
        (X86, "linxu", "", ("no build image 'linxu'", "Did you mean linux?")),
        (X86, "linux-x", "glibc-2.36", ("no build image 'linux-x'",)),
        (X86, "alpine", "", ("'alpine' has musl",)),
        (ARM, "alpine", "", ("'alpine' has musl for x86_64",)),
        (MUSL, "older", "", ("'older' has the GNU C library for x86_64 and aarch64",)),
        (MUSL, "alpine", "glibc-2.28", ("no glibc floor",)),
        (X86, "older", "glibc-2.28", ("glibc-2.28 is promised", "'older' gives glibc-2.31", "`container: linux`")),
        (Target.parse("linux-aarch64-musl"), "linux", "", ("no build image", "containers/images.toml")),
    ],
)
def test_what_no_image_can_keep_is_a_problem(target: Target, container: str, floor: str, words: tuple[str, ...]) -> None:
    chosen, problem = choose(target, container, floor, IMAGES)
    assert chosen == container
    assert problem is not None
    assert str(problem).startswith(f"{target}: ")
    assert [word for word in words if word not in str(problem)] == []
