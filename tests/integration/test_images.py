"""Images that are run as they are: read by the tools of their own systems, and started."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from coldforge.bundle.linux import runtime
from coldforge.bundle.linux.squashfs import PROGRAM
from coldforge.bundle.stage import bundle_target
from coldforge.errors import ConfigurationError, Refused, RemoteFailed
from coldforge.filetypes import squashfs
from coldforge.freeze.index import index
from coldforge.inspect.look import inspect
from coldforge.project.config import AppImageConfig, Config, FlatpakConfig, Product
from coldforge.rebuild.compare import compare
from coldforge.target import Target
from support import images, payloads, runtimes
from support.require import need, tool
from support.serving import serving

pytestmark = pytest.mark.integration
APPIMAGE = "demo-1.2.0-rc.1-x86_64.AppImage"
FLATPAK = "demo-1.2.0-rc.1.x86_64.flatpak"
SNAP = "demo_1.2.0-rc.1_amd64.snap"
PACKAGE = "apt-get install squashfs-tools"


RUNTIME = "org.example.Platform"
NAMED = replace(payloads.PRODUCT, identifier="org.example.demo")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDFORGE_CACHE", str(tmp_path / "cache"))


def bundled(folder: Path, name: str, config: Config | None = None, product: Product = payloads.PRODUCT) -> Path:
    """One artifact of the payload that has everything in it that packaging can break."""
    tool(PROGRAM, PACKAGE)
    plan, payload = payloads.make(folder, product, config)
    bundle_target(plan, plan.targets[0], payload, project=folder, out=folder / "dist", asked={name})
    return folder / "dist" / payloads.TARGET / name


def unpacked(image: Path, folder: Path, *options: str) -> Path:
    """What the tools of squashfs themselves find in an image."""
    subprocess.run([tool("unsquashfs", PACKAGE), "-quiet", "-no-progress", *options, "-d", folder, image], check=True, capture_output=True)
    return folder


def tree_of(folder: Path) -> dict[str, tuple[str, str]]:
    return {entry.path: (entry.sha256, entry.link) for entry in index(folder, {}, "demo")}


def listed(image: Path, *options: str) -> Iterator[str]:
    """Rights, owners and times, as the image has them."""
    environment = {**os.environ, "TZ": "UTC"}
    said = subprocess.run(
        [tool("unsquashfs", PACKAGE), *options, "-llc", image], check=True, capture_output=True, text=True, env=environment
    )
    yield from said.stdout.splitlines()


def summary(image: Path, *options: str) -> str:
    """What an image says of itself."""
    return subprocess.run([tool("unsquashfs", PACKAGE), "-s", *options, image], check=True, capture_output=True, text=True).stdout


def test_a_snap_is_what_snap_pack_makes_of_its_tree(tmp_path: Path) -> None:
    pack = tool("snap", "apt-get install snapd")
    image = bundled(tmp_path, SNAP)
    tree = unpacked(image, tmp_path / "tree")
    assert tree_of(tree / "usr/lib/demo") == tree_of(tmp_path / "dist" / payloads.TARGET / "payload")
    assert yaml.safe_load((tree / "meta/snap.yaml").read_text())["apps"] == {"demo": {"command": "usr/lib/demo/demo"}}
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(payloads.EPOCH), "SNAP_REEXEC": "0"}
    said = subprocess.run(
        [pack, "pack", tree, "--filename", "theirs.snap"], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert said.stdout == "built: theirs.snap\n"
    assert (tmp_path / "theirs.snap").read_bytes() == image.read_bytes()
    lines = [line.split(None, 5) for line in listed(image)]
    assert {(owner, day, time) for _, owner, _, day, time, _ in lines} == {("root/root", "2023-11-14", "22:13")}
    assert ["drwxr-xr-x", "root/root"] in [line[:2] for line in lines if line[5].endswith("_internal/empty")]


def test_a_snap_that_starts_faster(tmp_path: Path) -> None:
    config = Config()
    image = bundled(tmp_path, SNAP, replace(config, snap=replace(config.snap, compression="lzo")))
    assert "Compression lzo" in summary(image)


@pytest.mark.parametrize("name", [SNAP, APPIMAGE])
def test_an_image_is_looked_into(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its members are those of the payload, and two that differ in one of them differ there."""
    tool("unsquashfs", PACKAGE)
    text = "_internal/größe {a}[b].txt"
    pair: list[Path] = []
    for folder, said in (tmp_path / "one", "it runs\n"), (tmp_path / "other", "it walks\n"):
        folder.mkdir()
        runtimes.pin(folder, runtimes.compiled(folder))
        monkeypatch.setitem(payloads.FILES, text, said)
        pair.append(bundled(folder, name))
    found = {item.path: item for item in inspect(pair[0]).items}
    root = "usr/lib/demo"
    expected = {f"{root}/{path}": hashlib.sha256(data.encode()).hexdigest() for path, data in payloads.FILES.items() if path != text}
    assert expected.items() <= {path: item.sha256 for path, item in found.items()}.items()
    assert found[f"{root}/demo"].mode == "755"
    assert {path: found[f"{root}/{path}"].link for path in payloads.LINKS} == payloads.LINKS
    difference = compare(*pair)
    assert difference is not None
    place = ("image",) if name == APPIMAGE else ()
    assert difference.where == (name, *place, f"{root}/{text}", "line 1")
    assert (difference.released, difference.rebuilt) == ("it runs", "it walks")


def test_a_flatpak_is_looked_into(tmp_path: Path) -> None:
    """Two bundles that differ in one member differ there, and one that is damaged says so."""
    tool("ostree", "apt-get install ostree")
    program = tool("flatpak", "apt-get install flatpak")
    made: list[Path] = []
    for folder, said in (tmp_path / "one", "it runs\n"), (tmp_path / "other", "it walks\n"):
        for name, text in {
            "metadata": f"[Application]\nname=org.example.demo\nruntime={RUNTIME}/x86_64/1\n",
            "files/lib/text": said,
        }.items():
            (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "tree" / name).write_text(text)
        (folder / "tree" / "export").mkdir()
        (folder / "tree" / "files" / "lib" / "link").symlink_to("text")
        options = ("--disable-sandbox", "--timestamp=2023-11-14T22:13:20+00:00")
        for words in (
            ("build-export", *options, "repo", "tree", "master"),
            ("build-bundle", "repo", FLATPAK, "org.example.demo", "master"),
        ):
            environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
            subprocess.run([program, *words], cwd=folder, env=environment, check=True, capture_output=True)
        made.append(folder / FLATPAK)
    found = {item.path: item for item in inspect(made[0]).items}
    assert found["files/lib/text"].sha256 == hashlib.sha256(b"it runs\n").hexdigest()
    assert found["files/lib/link"].link == "text"
    difference = compare(*made)
    assert difference is not None
    assert (difference.where, difference.rebuilt) == ((FLATPAK, "files/lib/text", "line 1"), "it walks")
    data = made[0].read_bytes()
    made[0].write_bytes(data[:-400] + bytes(300) + data[-100:])
    with pytest.raises(ConfigurationError, match="it is damaged"):
        inspect(made[0])


def test_nothing_of_a_hostile_image_is_made(tmp_path: Path) -> None:
    """Links that lead out, devices, and more bytes than anybody looks at."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "etc").symlink_to("/etc")
    with (tmp_path / "tree" / "large").open("wb") as stream:
        stream.truncate(8 << 20)
    options = ("-quiet", "-no-progress", "-p", "null c 666 0 0 1 3")
    subprocess.run([tool(PROGRAM, PACKAGE), tmp_path / "tree", tmp_path / "x.snap", *options], check=True, capture_output=True)
    (tmp_path / "out").mkdir()
    found = {entry.path: entry for entry in squashfs.unpack(tmp_path / "x.snap", tmp_path / "out" / "all")}
    assert (found["etc"].link, found["null"].kind, found["null"].link) == ("/etc", "C", "1 3")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["all"]
    with pytest.raises(ValueError, match="more than is looked at"):
        squashfs.unpack(tmp_path / "x.snap", tmp_path / "out" / "all", limit=1 << 20)
    (tmp_path / "x.snap").write_bytes((tmp_path / "x.snap").read_bytes()[:96] + bytes(4000))
    with pytest.raises(ConfigurationError, match=r"x\.snap cannot be read: it is damaged"):
        inspect(tmp_path / "x.snap")


def test_an_appimage_finds_its_image_and_runs(tmp_path: Path) -> None:
    """With a stub of ours in the place of the real runtime, which is fetched from the network: see support.runtimes."""
    stub = runtimes.compiled(tmp_path)
    runtimes.pin(tmp_path, stub)
    image = bundled(tmp_path, APPIMAGE)
    assert image.stat().st_mode & 0o777 == 0o755
    assert image.read_bytes().startswith(stub)
    assert subprocess.run([image, "--appimage-offset"], check=True, capture_output=True, text=True).stdout == f"{len(stub)}\n"
    moved = image.rename(tmp_path / "a b.AppImage")
    for place in (tmp_path, Path("/")):
        assert subprocess.run([moved], check=True, capture_output=True, text=True, cwd=place).stdout == "it runs\n"
    tree = unpacked(moved, tmp_path / "tree", "-offset", str(len(stub)))
    assert tree_of(tree / "usr/lib/demo") == tree_of(tmp_path / "dist" / payloads.TARGET / "payload")
    assert (tree / "AppRun").readlink().as_posix() == "usr/lib/demo/demo"
    subprocess.run([tool("desktop-file-validate", "apt-get install desktop-file-utils"), tree / "demo.desktop"], check=True)
    lines = [line.split(None, 5) for line in listed(moved, "-offset", str(len(stub)))]
    assert {(owner, day, time) for _, owner, _, day, time, _ in lines} == {("root/root", "2023-11-14", "22:13")}
    facts = subprocess.run(
        [tool("unsquashfs", PACKAGE), "-s", "-offset", str(len(stub)), moved], check=True, capture_output=True, text=True
    )
    assert {"Compression zstd", "\tcompression-level 9", "Block size 131072"} <= set(facts.stdout.splitlines())
    assert "Xattrs are not stored" in facts.stdout


def test_an_appimage_runs_where_fuse_mounts_it(tmp_path: Path) -> None:
    """As real runtimes do it, with the library that they have within: the tree cannot be written then."""
    need("fuse", available=os.access("/dev/fuse", os.R_OK | os.W_OK), how="a kernel with FUSE, and the right to /dev/fuse")
    mount, end = tool("squashfuse", "apt-get install squashfuse"), tool("fusermount", "apt-get install fuse3")
    stub = runtimes.by_hand()
    runtimes.pin(tmp_path, stub)
    image = bundled(tmp_path, APPIMAGE)
    tree = tmp_path / "mounted"
    tree.mkdir()
    subprocess.run([mount, "-o", f"offset={len(stub)}", image, tree], check=True, timeout=60)
    try:
        assert subprocess.run([tree / "AppRun"], check=True, capture_output=True, text=True).stdout == "it runs\n"
        with pytest.raises(OSError, match="Read-only file system"):
            (tree / "usr/lib/demo/new").touch()
        assert tree_of(tree / "usr/lib/demo") == tree_of(tmp_path / "dist" / payloads.TARGET / "payload")
    finally:
        subprocess.run([end, "-u", tree], check=True, timeout=60)


def test_the_runtime_is_fetched_once_and_only_what_is_pinned(tmp_path: Path) -> None:
    data = runtimes.by_hand()
    runtimes.pin(tmp_path, data)
    toml = tmp_path / "containers/images.toml"
    with serving({"/runtime": data}) as (address, asked):
        toml.write_text(toml.read_text().replace('file = "runtime"', f'url = "{address}/runtime"'))
        runtime.bring(Target.parse(payloads.TARGET), tmp_path)
        runtime.bring(Target.parse(payloads.TARGET), tmp_path)
        assert asked == ["/runtime"]
        assert runtime.content(Target.parse(payloads.TARGET), tmp_path) == data
        toml.write_text(toml.read_text().replace(hashlib.sha256(data).hexdigest(), "0" * 64))
        with pytest.raises(Refused, match="is not what is pinned"):
            runtime.bring(Target.parse(payloads.TARGET), tmp_path)
        toml.write_text(toml.read_text().replace("/runtime", "/gone"))
        with pytest.raises(RemoteFailed, match="cannot be fetched") as caught:
            runtime.bring(Target.parse(payloads.TARGET), tmp_path)
        assert "404" in caught.value.why
        assert "`file = …`" in caught.value.hint


def test_an_appimage_says_where_newer_ones_are(tmp_path: Path) -> None:
    runtimes.pin(tmp_path, runtimes.compiled(tmp_path))
    where = "zsync|https://host.example/demo-latest-x86_64.AppImage.zsync"
    image = bundled(tmp_path, APPIMAGE, Config(appimage=AppImageConfig(update=where)))
    reader = tool("readelf", "apt-get install binutils")
    said = subprocess.run([reader, "--string-dump=.upd_info", image], check=True, capture_output=True, text=True).stdout
    assert where in said
    assert subprocess.run([image], check=True, capture_output=True, text=True).stdout == "it runs\n"


def system(folder: Path) -> Path:
    """A repository with a runtime for flatpaks: what a bare Debian has in /usr."""
    with tarfile.open(images.archive(images.BARE)) as outer, tarfile.open(fileobj=outer.extractfile("layer.tar")) as layer:
        for member in layer:
            if member.name.startswith("usr/") and not member.isdev():
                layer.extract(member, folder / "layer", filter="fully_trusted")
    build = folder / "runtime"
    build.mkdir()
    (folder / "layer/usr").rename(build / "files")
    (build / "metadata").write_text(f"[Runtime]\nname={RUNTIME}\nruntime={RUNTIME}/x86_64/1\nsdk={RUNTIME}/x86_64/1\n")
    flatpak(folder, "build-export", "--disable-sandbox", "--disable-fsync", "--runtime", "--files=files", folder / "repo", build, "1")
    return folder / "repo"


def flatpak(folder: Path, *words: str | Path) -> str:
    """Call flatpak as a user of whom nothing is known."""
    program = tool("flatpak", "apt-get install flatpak")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "LC_ALL": "C.UTF-8"}
    done = subprocess.run([program, *words], check=False, capture_output=True, text=True, env=environment, timeout=300)
    assert not done.returncode, done.stderr
    return done.stdout


def test_a_flatpak_is_installed_and_runs_confined(tmp_path: Path) -> None:
    config = Config(flatpak=FlatpakConfig(runtime=RUNTIME, sdk=RUNTIME, runtime_version="1", permissions=("--filesystem=xdg-documents",)))
    bundle = bundled(tmp_path, FLATPAK, config, NAMED)
    place = tmp_path / "user"
    place.mkdir()
    flatpak(place, "--user", "remote-add", "--no-gpg-verify", "local", system(place))
    flatpak(place, "--user", "install", "-y", "--noninteractive", "local", f"{RUNTIME}//1")
    flatpak(place, "--user", "install", "-y", "--noninteractive", "--bundle", bundle)
    assert flatpak(place, "--user", "run", "org.example.demo") == "it runs\n"
    said = flatpak(place, "--user", "info", "--show-metadata", "org.example.demo").splitlines()
    assert said[:5] == ["[Application]", "name=org.example.demo", f"runtime={RUNTIME}/x86_64/1", f"sdk={RUNTIME}/x86_64/1", "command=demo"]
    assert [line for line in said[5:] if line] == ["[Context]", "filesystems=xdg-documents;"], "no network, no sockets"
    files = Path(flatpak(place, "--user", "info", "--show-location", "org.example.demo").strip()) / "files"
    assert tree_of(files / "lib/demo") == tree_of(tmp_path / "dist" / payloads.TARGET / "payload")
    assert (files / "share/metainfo/org.example.demo.metainfo.xml").is_file()
    assert "2023-11-14 22:13:20" in flatpak(place, "--user", "info", "org.example.demo")
    flatpak(place, "--user", "uninstall", "-y", "--noninteractive", "org.example.demo")
    assert not files.exists()


def test_an_updater_fetches_only_what_has_changed(tmp_path: Path) -> None:
    """zsync itself makes the newer AppImage from an older one and the file beside the newer."""
    runtimes.pin(tmp_path, runtimes.compiled(tmp_path))
    config = Config(appimage=AppImageConfig(update="zsync|https://host.example/demo.AppImage.zsync"))
    control = bundled(tmp_path, f"{APPIMAGE}.zsync", config)
    image = control.with_name(APPIMAGE)
    head = control.read_bytes().partition(b"\n\n")[0].decode().splitlines()
    assert f"Filename: {APPIMAGE}" in head
    assert f"SHA-1: {hashlib.sha1(image.read_bytes(), usedforsecurity=False).hexdigest()}" in head
    assert "MTime: Tue, 14 Nov 2023 22:13:20 +0000" in head
    (tmp_path / "old").write_bytes(image.read_bytes())
    program = tool("zsync", "apt-get install zsync")
    said = subprocess.run(
        [program, "-i", "old", "-o", "new", control], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert (tmp_path / "new").read_bytes() == image.read_bytes()
    assert "checksum matches OK" in said.stdout
