"""A target whose C library is musl: frozen with its own wheels, without anything of glibc, the same bytes twice, and run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coldforge.freeze.binaries import read_elf
from coldforge.host.files import sha256
from coldforge.records import Payload, read
from support import images, musl
from support.bare import Bare
from support.pair import PAIR
from support.program import coldforge
from support.repository import write

pytestmark = pytest.mark.integration

TARGET = "linux-x86_64-musl"
MATRIX = "targets:\n  linux-x86_64-musl: {container: linux, runner: ubuntu-24.04, formats: [tar.gz, onefile, apk]}\n"
IMAGES = '[alpine-like]\nbase = "%s"\nmusl = "1.2"\narchitectures = ["x86_64"]\n'


@pytest.fixture(scope="module")
def made(host_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two builds in other places made: `first` and `second`, each the target's folder."""
    folder = tmp_path_factory.mktemp("musl")
    files = {name: text for name, text in PAIR.items() if name != "requirements.txt"}  # the lock of PAIR has wheels for glibc only
    files |= {"matrix.yml": MATRIX, "containers/images.toml": IMAGES % musl.image()}
    for name, zone in (("first", "UTC"), ("second", "Pacific/Chatham")):
        env = {**host_env, "COLDFORGE_CACHE": str(folder / f"cache of {name}"), "TZ": zone}
        said = coldforge("build", write(folder / name / "source", files), "--out", folder / name / "dist", env=env).succeeded().err
        assert "Not proven: containers/images.toml has no bare system for linux-x86_64-musl" in said
    return folder


def contents(dist: Path) -> dict[str, str]:
    """The digest of every file below `dist`, without the logs and the lock."""
    paths = {path.relative_to(dist): path for path in dist.rglob("*") if path.is_file()}
    return {name.as_posix(): sha256(path) for name, path in paths.items() if not {"logs", ".lock"} & set(name.parts)}


def test_two_builds_are_identical(made: Path) -> None:
    first, second = (contents(made / name / "dist") for name in ("first", "second"))
    assert "SHA256SUMS" in first
    assert first == second


def test_nothing_is_made_for_glibc(made: Path) -> None:
    tree = made / "first/dist" / TARGET / "payload"
    elfs = [elf for path in sorted(tree.rglob("*")) if path.is_file() and (elf := read_elf(path, path.name))]
    assert len(elfs) > 10
    assert {elf.c_library for elf in elfs if elf.needed} == {"musl"}
    assert {elf.loader for elf in elfs} == {"", "/lib/ld-musl-x86_64.so.1"}
    payload = read(tree.parent / "payload.json", Payload)
    assert [(need.soname, need.by) for need in payload.needs] == [("libz.so.1", "pair-show")]
    assert payload.glibc_floor == ""


@pytest.mark.parametrize("folder", ["payload", "onefile"])
def test_the_programs_work_there_without_python(folder: str, made: Path) -> None:
    with images.client() as client:
        container = client.containers.run(musl.image(), ["sleep", "3600"], detach=True, network_mode="none", init=True)
        try:
            system = Bare(container)
            system.do("rm -rf /usr/local && mkdir -p /opt")
            system.put_tree(made / "first/dist" / TARGET / folder, "/opt")
            facts = json.loads(system.do(f"/opt/{folder}/pair-show"))
            assert (facts["compiled"], facts["escaped"], facts["dependency"]) == (True, "&lt;b&gt;", "3.0.3")
            assert system.do(f"/opt/{folder}/pair-work pool") == "6\n"
        finally:
            container.remove(force=True)
