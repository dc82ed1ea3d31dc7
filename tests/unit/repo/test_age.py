"""Which packages stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coldforge.repo import Contents, Held, Package
from coldforge.repo.age import latest, newest


def package(release: str, *, name: str = "demo", form: Any = "deb", epoch: int = 1) -> Package:
    path = f"{form}/{name}-{release}"
    held = Held(path=path, format=form, name=name, version=release, arch="x86_64", release=release, epoch=epoch, size=1, sha256="0" * 64)
    return Package(held=held, file=Path(path))


def releases(packages: list[Package]) -> list[str]:
    return [p.held.release for p in packages]


def test_the_newest_stay_by_the_order_of_versions() -> None:
    all_of_them = [package(version) for version in ("1.10.0", "1.9.0", "1.10.0rc1", "1.10.0.post1", "1.2.0-beta.1", "1.2.0")]
    assert releases(newest(all_of_them, 2)) == ["1.10.0", "1.10.0.post1"]
    assert releases(newest(all_of_them, 3)) == ["1.10.0", "1.10.0rc1", "1.10.0.post1"]
    assert newest(all_of_them, 0) == all_of_them


def test_each_package_and_format_counts_by_itself() -> None:
    others = [package("1.0"), package("2.0"), package("1.0", name="other"), package("1.0", form="rpm")]
    assert newest(others, 1) == others[1:]
    assert {p.held.path for p in latest(others[:3]).values()} == {"deb/demo-2.0", "deb/other-1.0"}


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../b", "a//b", ".hidden", "a\nb", ""])
def test_a_record_leads_nowhere_else(path: str) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        Held(path=path, format="deb", name="demo", version="1", arch="amd64", release="1", epoch=1, size=1, sha256="")
    with pytest.raises(ValueError, match="cannot be the version"):
        Held(path="x", format="deb", name="demo", version=path and f"1/{path}", arch="amd64", release="1", epoch=1, size=1, sha256="")
    with pytest.raises(ValueError, match="cannot be"):
        Contents(name="x", url="y", indices=(path,))
