"""Packages are the same bytes made by this machine's programs, by those of a toolbox, and by a whole coldforge in a container."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from coldforge.attest.statement import statement
from coldforge.bundle.stage import bundle_target
from coldforge.host import engine
from coldforge.host.files import sha256
from coldforge.host.toolbox import HOST, Toolbox
from coldforge.project.images import IMAGES
from coldforge.records import MANIFEST, Artifact, Manifest, TargetRecord, read
from support import exe, images, runtimes
from support.bare import bare
from support.engines import made_by
from support.fake_sigstore import github_claims
from support.program import ROOT, coldforge, interrupted
from support.repository import write

pytestmark = pytest.mark.integration
RECIPE = images.offline((ROOT / "containers" / "toolbox.Dockerfile").read_text(encoding="utf-8"))
PROGRAM = """
import json, sys
from pathlib import Path
from msgspec.structs import replace
from coldforge.bundle.stage import bundle_target
from support import payloads
folder = Path(sys.argv[1])
plan, payload = payloads.make(folder, replace(payloads.PRODUCT, identifier="org.example.demo"))
asked = [artifact.name for artifact in plan.targets[0].artifacts if artifact.format != "appimage"]  # whose runtime is downloaded
artifacts = bundle_target(plan, plan.targets[0], payload, project=folder, out=folder / "dist", clean=True, asked=asked)
print(json.dumps({artifact.name: artifact.sha256 for artifact in artifacts}))
"""
SCRIPT = "#!/bin/sh\necho it runs\n"
EVERY = "[tar.gz, tar.zst, deb, rpm, arch, apk, ipk, appimage, zsync, snap, flatpak, sbom]"
DEMO = """\
freezer = "command"
identifier = "org.example.demo"

[project]
name = "demo"
version = "0.4.0"
summary = "A demonstration"
license = "MIT"

[command]
run = ["cp -R tree/. {out}", "chmod 755 {out}/demo"]

[executables.demo]
entry = "demo"

[appimage]
update = "zsync|https://demo.example.org/demo.AppImage.zsync"
"""


def requirements(folder: Path) -> None:
    """The distributions that coldforge runs with, as they are installed here."""
    lines = (ROOT / "build" / "requirements" / "run.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        name, pinned, marker = line.partition("==")
        if pinned and "==" in line and not line.startswith(" ") and "win32" not in marker:
            _copy(name, folder)


def _copy(name: str, folder: Path) -> None:
    for file in distribution(name).files or ():
        source = Path(str(file.locate()))
        place = folder / ("bin" if ".." in file.parts else ".") / (file.name if ".." in file.parts else file)
        if "__pycache__" not in file.parts and source.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place)


def test_a_container_makes_the_same_bytes_as_this_machine(tmp_path: Path) -> None:
    words = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}", "COLDFORGE_CACHE": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    here = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "here"], env={**os.environ, **words}, capture_output=True, text=True, check=True
    )  # fmt: skip
    requirements(tmp_path / "site")
    base = images.image(images.TOOLBOX)
    with images.client() as client:
        number = engine.build_image(client, base=base, recipe=RECIPE, architecture="amd64")
    with bare(number) as system:
        for tree in (tmp_path / "site", ROOT / "src", ROOT / "tests", ROOT / "build", ROOT / "containers"):
            system.put_tree(tree, "/opt")
        system.put("program.py", PROGRAM.encode(), "/opt")
        env = {"PYTHONPATH": "/opt/site:/opt/src:/opt/tests", "PATH": "/opt/site/bin:/usr/bin:/bin", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
        there = system.do("umask 077 && python3 /opt/program.py /opt/there", env=env)
    made = json.loads(here.stdout)
    assert json.loads(there) == made
    assert len(made) > 8


@pytest.fixture(scope="module")
def project(build_image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program of the project's own commands, and names that archives trip over, as every format for Linux."""
    folder = tmp_path_factory.mktemp("toolbox") / "demo"
    files = {"coldforge.toml": DEMO, "tree/demo": SCRIPT, "tree/data/größe {a}.txt": "it is\n"}
    (folder / "tree/data").mkdir(parents=True)
    (folder / "tree/data/all").symlink_to("../data")
    runtimes.pin(folder, runtimes.by_hand())
    bases = {"tools": images.TOOLBOX, "empty": images.BARE}
    entries = [f'\n[{name}]\nuse = "toolbox"\nbase = "{images.image(base)}"\n' for name, base in bases.items()]
    entries.insert(1, 'dockerfile = "toolbox.Dockerfile"\n')  # of the tools
    with (folder / IMAGES).open("a") as stream:
        stream.writelines(entries)
    files["containers/toolbox.Dockerfile"] = RECIPE
    files["matrix.yml"] = f"targets:\n  linux-x86_64: {{container: '{build_image}', toolbox: tools, formats: {EVERY}}}\n"
    return write(folder, files)


@pytest.fixture(scope="module")
def built(project: Path, container_env: dict[str, str]) -> Path:
    """What the command makes of it by the toolbox."""
    coldforge("build", project, "--no-smoke", "--out", project.parent / "dist", env=container_env, umask=0o077).succeeded()
    return project.parent / "dist"


def record(dist: Path) -> TargetRecord:
    (found,) = read(dist / MANIFEST, Manifest).targets
    return found


def test_the_command_makes_the_same_bytes_by_the_toolbox_and_by_this_machines_tools(
    project: Path, built: Path, container_env: dict[str, str]
) -> None:
    by_toolbox = record(built)
    assert by_toolbox.toolbox.startswith(f"{images.image(images.TOOLBOX)}+sha256:")
    assert all(path.stat().st_uid == os.getuid() for path in built.rglob("*"))
    other = built.with_name("here")
    shutil.copytree(built, other, symlinks=True)
    words: list[str | Path] = ["bundle", project, "--out", other, "--host", "--clean", "--verbose"]
    coldforge(*words, env={**container_env, "TZ": "Asia/Tokyo"}).succeeded()
    by_host = record(other)
    assert by_host.toolbox == ""
    assert len({artifact.format for artifact in by_host.artifacts}) == 12
    here, there = ([(one.name, one.sha256, one.tool) for one in made.artifacts] for made in (by_host, by_toolbox))
    assert here == there
    programs = {artifact.format: artifact.tool for artifact in by_toolbox.artifacts}
    assert programs["appimage"].startswith("mksquashfs 4.5.1; zstd level 9")
    assert {made.key for made in by_host.artifacts} ^ {made.key for made in by_toolbox.artifacts}


def test_programs_of_this_machine_are_told_by_their_digests(built: Path, project: Path, host_env: dict[str, str], tmp_path: Path) -> None:
    """Another file of the same version, which a link leads to, is named; what it makes is the same, and what was made already stays."""
    shutil.copytree(built, tmp_path / "dist", symlinks=True)
    wrapper, link = tmp_path / "own" / "of-another-name", tmp_path / "own" / "mksquashfs"
    env = {**host_env, "COLDFORGE_CACHE": str(tmp_path / "cache"), "PATH": f"{link.parent}:{host_env['PATH']}"}
    words: list[str | Path] = ["bundle", project, "--out", tmp_path / "dist", "--host", "--format", "snap"]

    def bundled(*more: str) -> Artifact:
        coldforge(*words, *more, env=env).succeeded()
        (found,) = (artifact for artifact in record(tmp_path / "dist").artifacts if artifact.format == "snap")
        return found

    real = Path(str(shutil.which("mksquashfs")))
    (before,) = (artifact for artifact in record(built).artifacts if artifact.format == "snap")
    first = bundled("--clean")
    link.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    link.symlink_to(wrapper)
    assert bundled() == first
    (tmp_path / "dist" / first.path).unlink()
    second = bundled()
    version = first.tool.partition(";")[0]
    assert (before.programs, first.programs, second.programs) == ({}, {version: sha256(real)}, {version: sha256(wrapper)})
    assert before.sha256 == first.sha256 == second.sha256
    assert first.key == second.key
    manifest = read(tmp_path / "dist" / MANIFEST, Manifest)
    predicate = json.loads(statement(second.name, second.sha256, manifest, github_claims()))["predicate"]
    told = {"name": "linux-x86_64/program", "annotations": {"program": version}, "digest": {"sha256": sha256(wrapper)}}
    assert [each for each in predicate["buildDefinition"]["resolvedDependencies"] if each.get("name") == told["name"]] == [told]
    assert str(tmp_path) not in (tmp_path / "dist" / MANIFEST).read_text()


def test_nothing_is_made_again_and_no_engine_asked_when_nothing_has_changed(
    project: Path, built: Path, container_env: dict[str, str]
) -> None:
    before = (built / MANIFEST).read_bytes()
    again = coldforge("bundle", project, "--out", built, env=container_env).succeeded()
    assert "Nothing has changed." in again.err
    assert (built / MANIFEST).read_bytes() == before


def test_a_rebuild_takes_the_recorded_toolbox(project: Path, built: Path, container_env: dict[str, str]) -> None:
    flat = built.with_name("flat")
    flat.mkdir()
    for path in (built / MANIFEST, *(path for path in (built / "linux-x86_64").iterdir() if path.is_file() and path.name != MANIFEST)):
        shutil.copy(path, flat)
    kept = built.with_name("kept")
    done = coldforge("rebuild", flat, "--unverified", "--source", project, "--keep", kept, env=container_env).succeeded()
    assert "identical" in done.err
    assert record(kept).toolbox == record(built).toolbox


def test_nothing_is_left_after_an_interrupt(project: Path, built: Path, container_env: dict[str, str], tmp_path: Path) -> None:
    before = (built / MANIFEST).read_bytes()
    env = {**container_env, "TMPDIR": str(tmp_path)}
    outcome = interrupted("bundle", project, "--out", built, "--clean", env=env, when=lambda line: "• bundle" in line)
    assert outcome.code == 130
    assert "Traceback" not in outcome.err
    with images.client() as client:
        assert made_by(client, outcome.process) == []
    assert list(tmp_path.iterdir()) == []
    assert [path for path in (built / "linux-x86_64").iterdir() if path.name.startswith(".")] == []
    assert (built / MANIFEST).read_bytes() == before


def test_a_toolbox_that_lacks_programs_is_told_before_anything_is_done(
    project: Path, built: Path, container_env: dict[str, str], tmp_path: Path
) -> None:
    copied = tmp_path / "demo"
    shutil.copytree(project, copied, symlinks=True)
    matrix = copied / "matrix.yml"
    matrix.write_text(matrix.read_text().replace("toolbox: tools", "toolbox: empty"))
    words: list[str | Path] = ["build", copied, "--out", tmp_path / "dist"]
    coldforge(*words, env=container_env).failed(
        3, "the toolbox 'empty' lacks what some formats are made with", "mksquashfs, for appimage, zsync, snap", "apt-get install flatpak"
    )
    assert not (tmp_path / "dist/linux-x86_64").exists()
    matrix.write_text(matrix.read_text().replace("toolbox: empty", "toolbox: tool"))
    coldforge(*words, env=container_env).failed(2, "there is no toolbox 'tool'", "Did you mean tools?")


def test_installers_for_windows_are_the_same_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDFORGE_CACHE", str(tmp_path / "cache"))
    number = images.image(images.TOOLBOX)
    toolbox = Toolbox(number, RECIPE, identity=number, called="tools")
    made = {}
    for name, tools in (("here", HOST), ("there", toolbox)):
        plan, payload = exe.make(tmp_path / name, formats=("nsis", "msi"))
        out = tmp_path / name / "dist"
        found = bundle_target(plan, plan.targets[0], payload, project=tmp_path / name, out=out, clean=True, tools=tools)
        made[name] = {artifact.format: (artifact.sha256, artifact.tool) for artifact in found}
    assert made["here"] == made["there"]
    assert made["here"].keys() == {"nsis", "msi"}
