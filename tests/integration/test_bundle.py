"""Packages made twice under other circumstances are the same bytes, and independent readers find in them what the payload says."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import msgspec
import pytest

from coldforge.bundle.stage import bundle_target
from coldforge.errors import ConfigurationError, Refused
from coldforge.freeze.index import index
from coldforge.inspect.look import inspect
from coldforge.plan.model import Plan
from coldforge.plan.planner import make_plan
from coldforge.project.config import AppImageConfig, Config, DebConfig, Executable, Matrix, Product, TargetConfig
from coldforge.rebuild.compare import compare
from coldforge.records import Payload, SourceRecord, canonical, read
from support import explained, runtimes
from support.releases import ENVIRONMENT
from support.require import tool

pytestmark = pytest.mark.integration
DEB = "demo_1.2.0-rc.1_amd64.deb"
BILL = "demo-1.2.0-rc.1-linux-x86_64.cdx.json"
ARCHIVE = "demo-1.2.0-rc.1-linux-x86_64.tar.gz"
ONE = "demo-1.2.0-rc.1-linux-x86_64"
RPM = "demo-1.2.0-rc.1.x86_64.rpm"
ARCH = "demo-1.2.0-rc.1.x86_64.pkg.tar.zst"
APK = "demo-1.2.0-rc.1.x86_64.apk"
IPK = "demo-1.2.0-rc.1.x86_64.ipk"
ZST = "demo-1.2.0-rc.1-linux-x86_64.tar.zst"
SNAP = "demo_1.2.0-rc.1_amd64.snap"
FLATPAK = "demo-1.2.0-rc.1.x86_64.flatpak"
APPIMAGE = "demo-1.2.0-rc.1-x86_64.AppImage"
MADE = (ARCHIVE, ZST, ONE, DEB, RPM, ARCH, APK, IPK, APPIMAGE, f"{APPIMAGE}.zsync", FLATPAK, SNAP, BILL)
PRODUCT = Product(
    name="demo",
    version="1.2.0rc1",
    summary="A demonstration of names and links.",
    license="MIT",
    license_files=("LICENSE",),
    homepage="https://demo.example.org",
    maintainer="Somebody <somebody@example.org>",
    display_name="demo",
    identifier="org.example.demo",
    executables=(Executable(name="demo", entry="demo:main"),),
)
FILES = {
    "demo": '#!/bin/sh\nexec cat "$(dirname "$(readlink -f "$0")")/_internal/größe {a}[b].txt"\n',
    "_internal/größe {a}[b].txt": "it runs\n",
    "_internal/lib/libthing.so.1": "a library\n",
    "_internal/data/a b/c": "deep\n",
}  # fmt: skip


def make(folder: Path, *, reverse: bool = False) -> tuple[Plan, Payload]:
    """A target's folder with a hand-made payload: a script, a link, an empty folder, names that are not ASCII."""
    root = folder / "dist" / "linux-x86_64" / "payload"
    for name, text in sorted(FILES.items(), reverse=reverse):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if name == "demo" else 0o644)
    (root / "_internal" / "empty").mkdir()
    (root / "_internal" / "libthing.so").symlink_to("lib/libthing.so.1")
    single = root.parent / "onefile" / "demo"
    single.parent.mkdir()
    single.write_text("#!/bin/sh\necho one\n")
    single.chmod(0o755)
    (folder / "LICENSE").write_text("Do as you like.\n")
    runtimes.pin(folder, runtimes.by_hand())
    matrix = Matrix(
        targets={
            "linux-x86_64": TargetConfig(
                formats=("tar.gz", "tar.zst", "onefile", "deb", "rpm", "arch", "apk", "ipk", "appimage", "zsync", "flatpak", "snap", "sbom")
            )
        }
    )
    config = Config(deb=DebConfig(depends=("zlib1g",)), appimage=AppImageConfig(update="zsync|https://host.example/demo.AppImage.zsync"))
    plan = make_plan(
        product=PRODUCT, config=config, source=SourceRecord(epoch=1_700_000_000), matrix=matrix, coldforge="0"
    )  # fmt: skip
    payload = Payload(
        target="linux-x86_64", freezer="pyinstaller", key="k", files=index(root, {}, "demo"), singles=index(single.parent, {}, "demo"),
        environment=ENVIRONMENT, glibc_floor="glibc-2.31",
    )  # fmt: skip
    (root.parent / "payload.json").write_bytes(canonical(payload))
    return plan, payload


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDFORGE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def made(tmp_path: Path) -> Path:
    plan, payload = make(tmp_path)
    bundle_target(plan, plan.targets[0], payload, project=tmp_path, out=tmp_path / "dist", jobs=2)
    return tmp_path / "dist" / "linux-x86_64"


PROGRAM = """
import sys
from pathlib import Path
sys.path[:0] = [{source!r}, {tests!r}]
from integration.test_bundle import make
from coldforge.bundle.stage import bundle_target
folder = Path({folder!r})
plan, payload = make(folder, reverse={reverse})
bundle_target(plan, plan.targets[0], payload, project=folder, out=folder / "dist", jobs={jobs})
"""


def build_elsewhere(folder: Path, *, umask: int, env: dict[str, str], reverse: bool, jobs: int, user: str = "") -> dict[str, str]:
    """Make all formats in a process of its own, and return their digests."""
    tests = Path(__file__).resolve().parents[1]
    folder.mkdir(parents=True)
    if user:
        shutil.chown(folder, user)
    code = PROGRAM.format(source=str(tests.parent / "src"), tests=str(tests), folder=str(folder), reverse=reverse, jobs=jobs)
    environment = {**os.environ, "COLDFORGE_CACHE": str(folder / "cache"), "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **env}
    subprocess.run([sys.executable, "-c", code], env=environment, umask=umask, check=True, cwd="/")
    made = folder / "dist" / "linux-x86_64"
    return {name: hashlib.sha256((made / name).read_bytes()).hexdigest() for name in MADE}


def test_the_same_bytes_whatever_the_circumstances(tmp_path: Path) -> None:
    one = build_elsewhere(
        tmp_path / "one", umask=0o022, env={"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "1"}, reverse=False, jobs=1
    )  # fmt: skip
    two = build_elsewhere(
        tmp_path / "ein anderer Ort" / "zwei",
        umask=0o077,
        env={"TZ": "Pacific/Chatham", "LC_ALL": "POSIX", "PYTHONHASHSEED": "2", "USER": "someone", "HOSTNAME": "elsewhere"},
        reverse=True,
        jobs=4,
    )
    assert one == two
    assert set(one) == {path.name for path in (tmp_path / "one/dist/linux-x86_64").glob("demo*")}


MEMORY = """
import os, resource, sys
from pathlib import Path
sys.path[:0] = [{source!r}, {tests!r}]
os.cpu_count = lambda: 16
from integration.test_bundle import make
from coldforge.bundle.stage import bundle_target
folder = Path({folder!r})
large = folder / "dist/linux-x86_64/payload/_internal/large"
large.parent.mkdir(parents=True)
with large.open("wb") as stream:
    for _ in range(160):
        stream.write(os.urandom(1 << 20))
plan, payload = make(folder)
bundle_target(plan, plan.targets[0], payload, project=folder, out=folder / "dist", asked={asked})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
"""


def test_memory_is_bounded_whatever_the_payload_and_the_machine(tmp_path: Path) -> None:
    """All that is written as a stream, side by side, of a large file that cannot be compressed, with many processors; not mksquashfs,
    which is told its bound."""
    tests, asked = Path(__file__).resolve().parents[1], {ARCHIVE, ZST, ONE, DEB, RPM, ARCH, APK, IPK, BILL}
    code = MEMORY.format(source=str(tests.parent / "src"), tests=str(tests), folder=str(tmp_path / "large"), asked=asked)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {path.name for path in (tmp_path / "large/dist/linux-x86_64").glob("demo*")} == asked
    assert int(done.stdout.splitlines()[-1]) <= 300, "megabytes; it holds no file, of 160, in memory"


def test_the_archive_holds_the_payload_and_the_licence(made: Path) -> None:
    with tarfile.open(made / ARCHIVE) as tar:
        members = {member.name: member for member in tar}
        text = tar.extractfile("demo-1.2.0-rc.1/_internal/größe {a}[b].txt")
        assert text is not None
        assert text.read() == b"it runs\n"
    top = "demo-1.2.0-rc.1"
    assert members[f"{top}/demo"].mode == 0o755
    assert members[f"{top}/_internal/libthing.so"].linkname == "lib/libthing.so.1"
    assert members[f"{top}/_internal/empty"].isdir()
    assert f"{top}/LICENSE" in members
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members.values()} == {(0, 0, "", "", 1_700_000_000)}
    listed = subprocess.run(["tar", "-tzf", made / ARCHIVE], capture_output=True, text=True, check=True).stdout
    assert len(listed.splitlines()) == len(members)


def test_debians_own_tool_finds_the_payload(made: Path, tmp_path: Path) -> None:
    program = tool("dpkg-deb", "apt-get install dpkg")
    fields = subprocess.run(
        [program, "-f", made / DEB, "Package", "Version", "Architecture", "Depends", "Description"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "Version: 1.2.0~rc.1-1" in fields
    assert "Depends: libc6 (>= 2.31), zlib1g" in fields
    assert "Description: demonstration of names and links\n" in fields
    subprocess.run([program, "-x", made / DEB, tmp_path / "x"], check=True)
    root = tmp_path / "x" / "usr" / "lib" / "demo"
    assert unpacked(tmp_path / "x") == payload_of(made)
    assert (tmp_path / "x" / "usr" / "bin" / "demo").readlink().as_posix() == "../lib/demo/demo"
    assert (root / "_internal" / "empty").is_dir()
    assert (tmp_path / "x/usr/share/man/man1/demo.1.gz").is_file()


def unpacked(folder: Path) -> dict[str, tuple[str, str]]:
    """Digests and links of what a package installs for its tree."""
    return {entry.path: (entry.sha256, entry.link) for entry in index(folder / "usr" / "lib" / "demo", {}, "demo")}


def payload_of(made: Path) -> dict[str, tuple[str, str]]:
    return {entry.path: (entry.sha256, entry.link) for entry in index(made / "payload", {}, "demo")}


def asked(*words: str | Path) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_rpms_own_tools_find_the_payload(made: Path, tmp_path: Path) -> None:
    program, archive = tool("rpm", "apt-get install rpm"), tool("rpm2cpio", "apt-get install rpm2cpio")
    said = asked(program, "-qp", "--qf", "%{NEVRA} %{LICENSE} %{BUILDHOST} %{BUILDTIME}\n[%{REQUIRES}\n]", made / RPM).splitlines()
    assert said[0] == "demo-1.2.0~rc.1-1.x86_64 MIT coldforge 1700000000"
    assert "libc.so.6(GLIBC_2.31)(64bit)" in said
    assert "digests OK" in asked(program, "-K", made / RPM)
    facts = asked(
        program, "-qp", "--qf", "[%{FILENAMES} %{FILEMODES:octal} %{FILEUSERNAME} %{FILEMTIMES} %{FILEFLAGS:fflags}\n]", made / RPM
    )
    assert "/usr/lib/demo/demo 100755 root 1700000000 \n" in facts
    assert "/usr/share/licenses/demo/LICENSE 100644 root 1700000000 l\n" in facts
    (tmp_path / "x").mkdir()
    with subprocess.Popen([archive, made / RPM], stdout=subprocess.PIPE) as unpacking:
        subprocess.run([tool("cpio", "apt-get install cpio"), "-id", "--quiet"], stdin=unpacking.stdout, cwd=tmp_path / "x", check=True)
    assert unpacked(tmp_path / "x") == payload_of(made)


def test_pacman_itself_finds_the_payload(made: Path, tmp_path: Path) -> None:
    program = tool("pacman", "apt-get install pacman-package-manager")
    said = asked(program, "-Qip", made / ARCH)
    assert re.search(r"Version +: 1\.2\.0rc1-1\n", said)
    assert re.search(r"Depends On +: glibc>=2\.31\n", said)
    root = tmp_path / "root"
    (root / "var/lib/pacman").mkdir(parents=True)
    inside: list[str | Path] = [program, "--root", root, "--dbpath", root / "var/lib/pacman", "--noconfirm", "--config", os.devnull]
    asked(*inside, "--cachedir", tmp_path / "cache", "-Udd", made / ARCH)
    assert unpacked(root) == payload_of(made)
    checked = subprocess.run([*inside, "-Qkk", "demo"], capture_output=True, text=True, check=False)
    assert ", 0 altered files" in checked.stdout
    asked(*inside, "-R", "demo")
    assert not (root / "usr/lib/demo").exists()


def test_the_parts_of_an_apk_belong_together(made: Path, tmp_path: Path) -> None:
    """Two streams of gzip are one tar, of which the first names the digest of the second."""
    data = (made / APK).read_bytes()
    first = zlib.decompressobj(wbits=31)
    about = first.decompress(data)
    assert f"datahash = {hashlib.sha256(first.unused_data).hexdigest()}\n".encode() in about
    with tarfile.open(made / APK) as tar:
        members = {member.name: member for member in tar}
        tar.extractall(tmp_path / "x", filter="tar")
    assert next(iter(members)) == ".PKGINFO"
    assert unpacked(tmp_path / "x") == payload_of(made)
    program = members["usr/lib/demo/demo"]
    assert (
        program.pax_headers["APK-TOOLS.checksum.SHA1"]
        == hashlib.sha1((made / "payload/demo").read_bytes(), usedforsecurity=False).hexdigest()
    )


def test_an_ipk_holds_what_opkg_looks_for(made: Path, tmp_path: Path) -> None:
    with tarfile.open(made / IPK) as outer:
        assert outer.getnames() == ["./debian-binary", "./data.tar.gz", "./control.tar.gz"]
        outer.extractall(tmp_path, filter="data")
    (tmp_path / "x").mkdir()
    asked("tar", "-xzf", tmp_path / "data.tar.gz", "-C", tmp_path / "x")
    assert unpacked(tmp_path / "x") == payload_of(made)
    assert "Package: demo\n" in asked("tar", "-xzOf", tmp_path / "control.tar.gz", "./control")


def test_lintian_has_nothing_to_report_that_is_not_explained(made: Path) -> None:
    program = tool("lintian", "apt-get install lintian")
    done = subprocess.run([program, "--allow-root", "--display-info", made / DEB], capture_output=True, text=True, check=False)
    said = {(line[0], line.split()[2]) for line in done.stdout.splitlines() if line.startswith(("E:", "W:", "I:"))}
    assert ("I", "package-contains-empty-directory") in said, "lintian looked into the tree"
    assert {tag for letter, tag in said if letter != "I"} <= explained.remarks("lintian"), done.stdout


def test_nothing_is_made_again_that_is_there(made: Path, tmp_path: Path) -> None:
    from coldforge.records import MANIFEST, Artifact, Manifest, TargetRecord

    plan, payload = make(tmp_path / "again")
    out = tmp_path / "again" / "dist"
    artifacts: tuple[Artifact, ...] = bundle_target(plan, plan.targets[0], payload, project=tmp_path / "again", out=out, jobs=2)
    record = TargetRecord(
        target="linux-x86_64", freezer="p", payload_digest="d", payload_size=1, environment=ENVIRONMENT, artifacts=artifacts
    )  # fmt: skip
    manifest = Manifest(coldforge="0", product="demo", version="1", source=plan.source, targets=(record,))
    (out / "linux-x86_64" / MANIFEST).write_bytes(canonical(manifest))
    before = {path: path.stat().st_mtime_ns for path in (out / "linux-x86_64").glob("demo*")}
    seconds: dict[str, float] = {}
    bundle_target(plan, plan.targets[0], payload, project=tmp_path / "again", out=out, jobs=2, seconds=seconds)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert seconds == {}
    (out / "linux-x86_64" / DEB).write_bytes(b"broken")
    again = bundle_target(plan, plan.targets[0], payload, project=tmp_path / "again", out=out, jobs=2)
    assert again == artifacts


@pytest.mark.parametrize("change", ["edit", "add", "remove", "link"])
def test_a_payload_that_changed_is_not_packaged(change: str, tmp_path: Path) -> None:
    plan, payload = make(tmp_path)
    root = tmp_path / "dist" / "linux-x86_64" / "payload"
    file = root / "_internal" / "data" / "a b" / "c"
    if change == "edit":
        file.write_text("DEEP\n")
    elif change == "add":
        (root / "new").write_text("x")
    elif change == "remove":
        file.unlink()
    else:
        file.unlink()
        file.symlink_to("../../lib/libthing.so.1")
    with pytest.raises(Refused, match="has changed since it was frozen"):
        bundle_target(plan, plan.targets[0], payload, project=tmp_path, out=tmp_path / "dist", jobs=1, clean=True)
    assert not (tmp_path / "dist" / "linux-x86_64" / DEB).exists()


def test_inspect_reads_what_others_wrote_and_we_wrote(made: Path, tmp_path: Path) -> None:
    found = inspect(made / DEB)
    assert found.fields["Version"] == "1.2.0~rc.1-1"
    assert any(item.path.endswith("_internal/empty") and item.kind == "directory" for item in found.items)
    assert inspect(made / ARCHIVE).kind == "tar.gz"
    assert inspect(made / "payload.json").floor == "glibc-2.31"
    assert inspect(Path("/bin/true").resolve()).fields["architecture"]
    own = tmp_path / "own"
    (own / "DEBIAN").mkdir(parents=True)
    (own / "DEBIAN" / "control").write_text("Package: own\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: x\n")
    subprocess.run([tool("dpkg-deb", "apt-get install dpkg"), "-b", own, tmp_path / "own.deb"], check=True, capture_output=True)
    assert inspect(tmp_path / "own.deb").fields["Package"] == "own"


@pytest.mark.parametrize(("name", "kind"), [(ZST, "tar.zst"), (RPM, "rpm"), (ARCH, "arch"), (APK, "apk"), (IPK, "ipk"), (DEB, "deb")])
def test_inspect_lists_what_every_package_installs(name: str, kind: str, made: Path) -> None:
    found = inspect(made / name)
    assert found.kind == kind
    top = "demo-1.2.0-rc.1/" if name == ZST else "usr/lib/demo/"
    items = {item.path.partition(top)[2]: (item.sha256, item.link) for item in found.items if item.kind != "directory" and top in item.path}
    assert {path: item for path, item in items.items() if path != "LICENSE"} == {
        path: item for path, item in payload_of(made).items() if path != "_internal/empty"
    }
    assert any(item.path.endswith("_internal/empty") and item.kind == "directory" for item in found.items)
    assert all(item.sha256 for item in found.items if item.kind == "file")


def test_inspect_says_what_packages_say(made: Path) -> None:
    said = inspect(made / RPM).fields
    assert (said["Version"], said["Release"], said["Architecture"], said["Build-Host"]) == ("1.2.0~rc.1", "1", "x86_64", "coldforge")
    assert "libc.so.6(GLIBC_2.31)(64bit)" in said["Requires"]
    assert inspect(made / ARCH).fields["pkgver"] == "1.2.0rc1-1"
    assert inspect(made / APK).fields["pkgver"] == "1.2.0_rc1-r1"
    assert inspect(made / IPK).fields["Version"] == "1.2.0~rc.1-1"
    snap, image, bundle = (inspect(made / name) for name in (SNAP, APPIMAGE, FLATPAK))
    assert (snap.kind, image.kind, bundle.kind) == ("snap", "appimage", "flatpak")
    assert snap.fields["image"] == "squashfs 4.0, xz, blocks of 128 KiB"
    assert image.fields["image"] == "squashfs 4.0, zstd, blocks of 128 KiB"
    assert image.fields["runtime"] == f"{len(runtimes.by_hand())} bytes"
    assert (bundle.fields["ref"], bundle.fields["command"]) == ("app/org.example.demo/x86_64/stable", "demo")
    assert {found.fields["made"] for found in (snap, image, bundle)} == {"2023-11-14T22:13:20Z"}


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.3, 0.6, 0.9, 0.99])
def test_a_truncated_package_is_told_and_no_crash(share: float, made: Path, tmp_path: Path) -> None:
    for name in (DEB, ARCHIVE, ZST, RPM, ARCH, APK, IPK, SNAP, APPIMAGE, FLATPAK):
        cut = tmp_path / name
        whole = (made / name).read_bytes().rstrip(b"\0")  # images are filled up to whole blocks
        cut.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ConfigurationError, match=re.escape(cut.name)):
            inspect(cut)


@pytest.mark.parametrize("name", [ZST, RPM, ARCH, APK, IPK])
def test_the_first_difference_of_two_packages_is_named_by_the_file_in_it(name: str, made: Path, tmp_path: Path) -> None:
    plan, _ = make(tmp_path / "other")
    root = tmp_path / "other/dist/linux-x86_64"
    (root / "payload/_internal/data/a b/c").write_text("deep too\n")
    changed = read(made / "payload.json", Payload)
    changed = msgspec.structs.replace(changed, files=index(root / "payload", {}, "demo"))
    bundle_target(plan, plan.targets[0], changed, project=tmp_path / "other", out=root.parent, asked={name})
    difference = compare(made / name, root / name)
    assert difference is not None
    assert any(place.endswith("_internal/data/a b/c") for place in difference.where), difference.where
    assert compare(made / name, made / name) is None
