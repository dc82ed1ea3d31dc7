"""One cache for the tests that only want to be quick, one environment for every run of the program, the images, and who signs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import images, windows_system
from support.authority import Authority
from support.fake_sigstore import FakeSigstore
from support.program import environment
from support.require import tool


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


@pytest.fixture(scope="module")
def sigstore() -> Iterator[FakeSigstore]:
    """A sigstore instance on loopback."""
    with FakeSigstore() as fake:
        yield fake


@pytest.fixture(scope="module")
def trust(sigstore: FakeSigstore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trust configuration of that instance, as a file."""
    path = tmp_path_factory.mktemp("trust") / "trust.json"
    path.write_text(sigstore.trust_config())
    return path


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who certifies programs for Windows: one signer, `demo`."""
    tool("osslsigncode", "apt-get install osslsigncode")
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.signer("demo", "Demo Ltd")
    return made
