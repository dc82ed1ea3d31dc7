"""One cache for the tests that only want to be quick, one environment for every run of the program, and the images."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import images, windows_system
from support.program import environment


@pytest.fixture(scope="session")
def host_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a run of coldforge: caches of this session only, nothing of whoever runs the tests."""
    folder = tmp_path_factory.mktemp("caches")
    return environment(COLDFORGE_CACHE=str(folder / "coldforge"), UV_CACHE_DIR=str(folder / "uv"))


@pytest.fixture(scope="session")
def container_env(host_env: dict[str, str]) -> dict[str, str]:
    """The same, where a container engine answers."""
    return host_env


@pytest.fixture(scope="session")
def build_image() -> str:
    """An image with a Python that can be frozen."""
    return images.image(images.FREEZE)


@pytest.fixture(scope="session")
def bare_image() -> str:
    """An image of a system without Python."""
    return images.image(images.BARE)


@pytest.fixture(scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache for the tests of one file, which know nothing of what others built."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLDFORGE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def windows_machine() -> Iterator[windows_system.Windows]:
    """One container with Windows, as Wine makes it; each test begins with `windows_system.renew`."""
    with windows_system.started() as system:
        yield system
