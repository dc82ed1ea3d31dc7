"""What an installer for Windows brings of its own, its uninstaller and plug-ins, is signed too; and again without the key."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from coldforge import pipeline, rebuilding, recording, signing
from coldforge.filetypes import authenticode, signed
from coldforge.host import files
from coldforge.plan.model import Plan
from coldforge.rebuild import rows
from coldforge.records import MANIFEST, Artifact, Manifest, Payload, TargetRecord, read
from coldforge.report import Silent, use
from integration.test_nsis import MENU, OWN, PLUGINS, USER, WHOLE, installed, removed
from support import exe, payloads, windows_system
from support.authority import Authority, pem, second_opinion
from support.require import tool
from support.windows_system import Windows

pytestmark = pytest.mark.integration
CARRIED = {name.removeprefix("$PLUGINSDIR/") for name in PLUGINS if name.endswith(".dll")}
UNINSTALLER = "nsis/uninstall.exe"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    """A project whose tree is frozen, and its plan."""
    folder = tmp_path_factory.mktemp("project")
    plan, payload = exe.make(folder, config=WHOLE, formats=("nsis",))
    recording.write_records(folder / "dist", recording.manifest_of(plan, (recording.record_of(payload),)))
    shutil.copy(folder / "dist" / MANIFEST, folder / "dist" / exe.TARGET)
    return folder, plan


def run(project: tuple[Path, Plan], dist: Path, stages: Iterable[pipeline.Stage]) -> TargetRecord:
    folder, plan = project
    asked = frozenset(artifact.name for artifact in plan.targets[0].artifacts)
    this = pipeline.Run(project=folder, plan=plan, asked=asked, targets=(exe.TARGET,), out=dist, jobs=2)
    (record,) = pipeline.carry_out(this, plan.targets, tuple(stages), shown=plan).targets
    return record


def release(project: tuple[Path, Plan], dist: Path, authority: Authority) -> Artifact:
    """All rounds, and the installer that comes of them."""
    shutil.copytree(project[0] / "dist", dist)
    for _ in range(2):
        run(project, dist, pipeline.CARRY)
        signing.sign_payloads(dist, pem(authority))
    run(project, dist, pipeline.BUNDLE)
    (artifact,) = signing.sign_release(dist, pem(authority)).artifacts
    return artifact


@pytest.fixture(scope="module")
def released(
    project: tuple[Path, Plan], authority: Authority, tmp_path_factory: pytest.TempPathFactory, own_cache: None
) -> tuple[Path, Artifact]:
    """The release with everything in it signed, and its installer."""
    dist = tmp_path_factory.mktemp("released") / "dist"
    return dist, release(project, dist, authority)


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """What was warned of."""
    said: list[str] = []

    class Listening(Silent):
        def warn(self, text: str, **_: object) -> None:
            said.append(text)

    use(Listening())
    yield said
    use(Silent())


def unpacked(setup: Path, folder: Path) -> Mapping[str, Path]:
    """The files of an installer, or of an uninstaller, as 7-Zip finds them."""
    subprocess.run([tool("7z", "apt-get install p7zip-full"), "x", "-y", f"-o{folder}", setup], check=True, capture_output=True)
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def test_every_program_in_it_is_signed(released: tuple[Path, Artifact], authority: Authority, tmp_path: Path) -> None:
    dist, artifact = released
    found = unpacked(dist / artifact.path, tmp_path / "setup")
    inside = unpacked(found["uninstall.exe"], tmp_path / "uninstaller")
    programs = [path for path in (*found.values(), *inside.values()) if path.read_bytes().startswith(b"MZ")]
    names = [path.name for path in programs]
    assert {"uninstall.exe", "demo.exe", "demo-gui.exe", *CARRIED} == set(names)
    assert {"System.dll", "UserInfo.dll", "nsExec.dll"} <= {path.name for path in inside.values()}
    for path in (*programs, dist / artifact.path):
        assert "Subject: /CN=Demo Ltd" in second_opinion(path, authority), path
    (record,) = read(dist / MANIFEST, Manifest).targets
    carried = {one.path.removeprefix("nsis/"): one for one in record.carried}
    assert all(one.signature and one.sha256 == files.sha256(dist / exe.TARGET / "carried" / one.path) for one in carried.values())
    assert {path.name: files.sha256(path) for path in found.values() if path.name in carried} == {
        name: one.sha256 for name, one in carried.items()
    }


def test_what_is_signed_is_installed_and_removes_itself(
    released: tuple[Path, Artifact], windows_machine: Windows, authority: Authority, tmp_path: Path
) -> None:
    dist, artifact = released
    windows_system.renew(windows_machine)
    windows_machine.put("setup.exe", (dist / artifact.path).read_bytes())
    before = windows_machine.state()
    assert windows_machine.run(r"C:\setup.exe", "/S").code == 0
    expected = installed(read(dist / exe.TARGET / "payload.json", Payload))
    assert {path: digest for path, digest in windows_machine.files(USER).items() if path not in OWN} == expected
    (tmp_path / "uninstall.exe").write_bytes(windows_machine.read(f"{USER}/uninstall.exe"))
    assert "Subject: /CN=Demo Ltd" in second_opinion(tmp_path / "uninstall.exe", authority)
    assert (tmp_path / "uninstall.exe").read_bytes() == (dist / exe.TARGET / "carried" / UNINSTALLER).read_bytes()
    removed(windows_machine, USER)
    assert not windows_machine.exists(MENU)
    assert windows_machine.state().new(before) == {"after.txt", "removed.txt", USER.rpartition("/")[0]}


def test_all_of_it_is_the_same_a_second_time(
    project: tuple[Path, Plan], released: tuple[Path, Artifact], authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLDFORGE_CACHE", str(tmp_path / "cache"))
    old = os.umask(0o077)
    try:
        again = release(project, tmp_path / "an other place", authority)
    finally:
        os.umask(old)
    assert again == released[1]
    assert (tmp_path / "an other place" / MANIFEST).read_bytes() == (released[0] / MANIFEST).read_bytes()


def test_a_rebuild_has_the_released_bytes(
    project: tuple[Path, Plan], released: tuple[Path, Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `rebuild` does it once the tree is frozen again: no key is there, and no cache."""
    monkeypatch.setenv("COLDFORGE_CACHE", str(tmp_path / "cache"))
    dist, artifact = released
    (recorded,) = read(dist / MANIFEST, Manifest).targets
    stages = tuple(rebuilding.stages(recorded))
    assert stages[0] is pipeline.freeze
    out = tmp_path / "out"
    shutil.copytree(project[0] / "dist", out)
    (again,) = run(project, out, stages[1:]).artifacts
    assert rows.artifact_row(artifact, again, dist=dist, out=out).word == "identical"
    assert (out / again.path).read_bytes() == (dist / artifact.path).read_bytes()


def test_rounds_sign_what_is_there_once_and_packages_tell_what_is_not(
    project: tuple[Path, Plan], authority: Authority, tmp_path: Path, warnings: list[str], own_cache: None
) -> None:
    dist = tmp_path / "dist"
    shutil.copytree(project[0] / "dist", dist)
    first = run(project, dist, pipeline.CARRY)
    assert {one.path for one in first.carried} == {f"nsis/{name}" for name in CARRIED}
    assert all(one.signature is None for one in first.carried)
    (plug_ins,) = signing.sign_payloads(dist, pem(authority)).targets
    plain = run(project, dist, pipeline.BUNDLE).artifacts
    assert [text.partition(".exe ")[2].partition(".")[0] for text in warnings] == ["brings an uninstaller that is not signed"]
    second = run(project, dist, pipeline.CARRY)
    assert {one.path: one.signature for one in second.carried} == {
        **{one.path: one.signature for one in plug_ins.carried}, UNINSTALLER: None,
    }  # fmt: skip
    signing.sign_payloads(dist, pem(authority))
    once = payloads.snapshot(dist / exe.TARGET / "carried")
    assert run(project, dist, pipeline.CARRY).carried == run(project, dist, pipeline.BUNDLE).carried
    signing.sign_payloads(dist, pem(authority))
    assert payloads.snapshot(dist / exe.TARGET / "carried") == once
    (artifact,) = run(project, dist, pipeline.BUNDLE).artifacts
    assert artifact.sha256 != plain[0].sha256
    assert len(warnings) == 1, "all is signed now"
    for path in (dist / exe.TARGET / "carried" / "nsis").iterdir():
        with path.open("rb") as stream:
            assert authenticode.read(stream), path
            assert signed.unsigned(stream).was_signed
