"""Small readings that pacman's and apk's packages share: a compressed tar, which begins with what the package says of itself."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from coldforge.bundle import tars
from coldforge.bundle.linux import pkginfo
from coldforge.inspect import contents

LARGEST: Final = 1 << 20  # bytes of such a file


@contextmanager
def opened(file: Path, compression: str) -> Iterator[tarfile.TarFile]:
    """A package as a tar that is read once, from its beginning."""
    with file.open("rb") as stream, contents.archive(stream, compression) as tar:
        yield tar


def information(file: Path, compression: str) -> dict[str, list[str]]:
    """What a package says of itself. Raises ValueError when it says nothing at its beginning."""
    with opened(file, compression) as tar:
        for member in tar:
            if member.name == pkginfo.NAME and member.isreg() and member.size <= LARGEST and (stream := tar.extractfile(member)):
                return pkginfo.fields(stream.read().decode("utf-8", "backslashreplace"))
            if not member.name.startswith("."):
                break
    raise ValueError(f"it has no {pkginfo.NAME}")


def one(fields: Mapping[str, list[str]], key: str) -> str:
    """The first value of a key. Raises KeyError when there is none."""
    return fields[key][0]


def tar_of(texts: Mapping[str, bytes], epoch: int) -> bytes:
    """Small files as a whole tar."""
    return tars.texts(texts, epoch) + tars.END
