"""What Linux packages bring to a desktop and a shell, in each format alike, looked at by freedesktop.org's and the distributions' tools."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Collection
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
import zstandard

from coldforge.bundle.stage import bundle_target
from coldforge.plan.names import Version, appstream
from support import explained, payloads, rich
from support.require import tool
from support.unpacking import listing, unpack

pytestmark = pytest.mark.integration
FORMATS: Final = {
    "deb": payloads.DEB,
    "rpm": "demo-1.2.0-rc.1.x86_64.rpm",
    "arch": "demo-1.2.0-rc.1.x86_64.pkg.tar.zst",
    "apk": "demo-1.2.0-rc.1.x86_64.apk",
    "ipk": "demo-1.2.0-rc.1.x86_64.ipk",
}
OWN: Final = re.compile(r"usr/share/(doc|licenses|lintian|zsh)/")  # what each family wants to have in its own way


def make(folder: Path, version: str = rich.PRODUCT.version, vendor: str = "", forms: Collection[str] = tuple(FORMATS)) -> Path:
    """The folder of the artifacts of the rich product."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLDFORGE_CACHE", str(folder / "cache"))
        plan, payload = rich.make(folder, version=version, vendor=vendor)
        asked = {artifact.name for artifact in plan.targets[0].artifacts if artifact.format in forms}
        bundle_target(plan, plan.targets[0], payload, project=folder, out=folder / "dist", asked=asked, jobs=2)
    return folder / "dist" / payloads.TARGET


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first version, in every format."""
    return make(tmp_path_factory.mktemp("rich"))


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The next one, where a package manager of its own can be had."""
    return make(tmp_path_factory.mktemp("newer"), "1.2.0", forms=("deb", "rpm", "arch"))


@pytest.fixture(scope="module")
def root(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the deb installs."""
    return unpack("deb", made / FORMATS["deb"], tmp_path_factory.mktemp("root"))


def said(*words: str | Path, code: int | None = 0) -> str:
    """What a program prints; it must end with this code (None: any)."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert code in (None, done.returncode), output
    return output


PROGRAM: Final = """
import sys
from pathlib import Path
sys.path[:0] = [{source!r}, {tests!r}]
from integration.test_content import make
make(Path({folder!r}))
"""


def test_the_same_bytes_whatever_the_circumstances(made: Path, tmp_path: Path) -> None:
    tests, folder = Path(__file__).resolve().parents[1], tmp_path / "ein anderer Ort"
    folder.mkdir()
    code = PROGRAM.format(source=str(tests.parent / "src"), tests=str(tests), folder=str(folder))
    other = {"TZ": "Pacific/Chatham", "LC_ALL": "POSIX", "PYTHONHASHSEED": "2", "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **other}, umask=0o077, check=True, cwd="/")
    again = folder / "dist" / payloads.TARGET
    assert [name for name in FORMATS.values() if (again / name).read_bytes() != (made / name).read_bytes()] == []


def test_menu_entries_are_valid(root: Path) -> None:
    program = tool("desktop-file-validate", "apt-get install desktop-file-utils")
    entries = sorted((root / "usr/share/applications").iterdir())
    assert [entry.name for entry in entries] == [f"{rich.ID}.demo.desktop", f"{rich.ID}.desktop"]
    assert said(program, *entries) == ""
    broken = root.parent / "broken.desktop"
    broken.write_text(entries[0].read_text().replace(" %U", " %U %F"))
    assert "field code" in said(program, broken, code=1)


def test_kinds_of_files_are_taken_into_the_database(root: Path) -> None:
    program = tool("update-mime-database", "apt-get install shared-mime-info")
    mime = root / "usr/share/mime"
    assert "rror" not in said(program, "-V", mime)
    assert "application/x-demo:*.demo\n" in (mime / "globs2").read_text().replace("50:", "")
    assert "application/x-demo:application-x-demo\n" in (mime / "icons").read_text()


def test_metainfo_is_valid(root: Path) -> None:
    program = tool("appstreamcli", "apt-get install appstream")
    output = said(
        program, "validate", "--no-net", "--pedantic", "--explain", root / f"usr/share/metainfo/{rich.ID}.metainfo.xml", code=None
    )
    remarks = set(re.findall(r"^[EWIP]: [^:]+:[^:]*: ([a-z-]+)", output, re.MULTILINE))
    assert remarks <= explained.remarks("appstreamcli"), output
    assert "Validation was successful" in said(program, "validate-tree", "--no-net", root)


def test_the_versions_of_metainfo_sort_as_releases_do() -> None:
    program = tool("appstreamcli", "apt-get install appstream")
    ordered = ["1.2.3.dev4", "1.2.3a1", "1.2.3a2", "1.2.3b1", "1.2.3b11", "1.2.3rc1", "1.2.3", "1.2.3.post1", "1.2.4"]
    for lower, higher in pairwise(appstream(Version.parse(text)) for text in ordered):
        said(program, "vercmp", lower, "lt", higher)


def test_every_format_installs_the_same(made: Path, tmp_path: Path) -> None:
    found = {form: listing(unpack(form, made / name, tmp_path / form)) for form, name in FORMATS.items()}
    common = {form: {path: facts for path, facts in paths.items() if not OWN.match(path)} for form, paths in found.items()}
    assert [form for form in FORMATS if common[form] != common["deb"]] == []
    assert {
        "usr/bin/demo-gui",
        "usr/lib/demo/_internal/empty",
        f"usr/share/applications/{rich.ID}.desktop",
        f"usr/share/icons/hicolor/512x512/apps/{rich.ID}.png",
        "usr/share/icons/hicolor/scalable/mimetypes/application-x-demo.svg",
        "usr/share/man/man1/demo-gui.1.gz",
        "usr/share/bash-completion/completions/demo",
        "usr/share/fish/vendor_completions.d/demo.fish",
        "usr/lib/systemd/system/demo@.service",
        "usr/lib/systemd/user/demo-user.service",
        "etc/demo/größe.conf",
        "usr/share/demo-data/Ünïcode name.txt",
    } <= set(common["deb"])
    assert common["deb"]["usr/share/demo-data/link"] == ("120777", "tool")
    assert common["deb"]["usr/share/demo-data/hollow"] == common["deb"]["var/lib/demo"] == ("40755", "")
    modes = {
        name: common["deb"][f"usr/{name}"][0] for name in ("libexec/demo-aid", "share/demo-data/tool", "share/demo-data/Ünïcode name.txt")
    }
    assert list(modes.values()) == ["100755", "100755", "100644"]
    zsh = {form: [path for path in paths if path.endswith("/_demo")] for form, paths in found.items()}
    assert zsh == {form: [f"usr/share/zsh/{'vendor-completions' if form == 'deb' else 'site-functions'}/_demo"] for form in FORMATS}
    news = {form: [path for path in paths if path.endswith(("changelog.gz", "CHANGES.md"))] for form, paths in found.items()}
    assert news == {form: [f"usr/share/doc/demo/{'changelog.gz' if form == 'deb' else 'CHANGES.md'}"] for form in FORMATS}


CONF: Final = "etc/demo/größe.conf"


def managers(root: Path) -> dict[str, tuple[list[str | Path], list[str | Path], str]]:
    """How each package manager installs into a root of its own and removes, without scripts; and what it names a new configuration file."""
    state = root / "state"
    state.mkdir(parents=True)
    pacman: list[str | Path] = [
        tool("pacman", "apt-get install pacman-package-manager"), "--root", root, "--dbpath", state, "--cachedir", state, "--noconfirm",
        "--config", "/dev/null", "--noscriptlet",
    ]  # fmt: skip
    rpm: list[str | Path] = [tool("rpm", "apt-get install rpm"), "--root", root, "--dbpath", "/state", "--nodeps", "--noscripts"]
    return {
        "rpm": ([*rpm, "--ignorearch", "-U"], [*rpm, "-e", "demo"], ".rpmnew"),
        "arch": ([*pacman, "-Udd"], [*pacman, "-R", "demo"], ".pacnew"),
    }


@pytest.mark.parametrize("form", ["rpm", "arch"])
def test_a_changed_configuration_file_is_kept(form: str, made: Path, newer: Path, tmp_path: Path) -> None:
    """And with an unchanged one the new version's comes; a removal leaves no folder of the package behind."""
    first, second = (next(folder.glob(f"*{FORMATS[form].partition('x86_64')[2]}")) for folder in (made, newer))
    install, remove, suffix = managers(tmp_path / "root")[form]
    conf = tmp_path / "root" / CONF
    said(*install, first)
    assert conf.read_text() == "# of 1.2.0rc1\ncolour = green\n"
    conf.write_text("mine\n")
    said(*install, second)
    assert conf.read_text() == "mine\n"
    assert conf.with_name(conf.name + suffix).read_text() == "# of 1.2.0\ncolour = green\n"
    conf.unlink()
    conf.with_name(conf.name + suffix).rename(conf)
    said(*remove)
    left = [path for path in listing(tmp_path / "root") if not path.startswith(("state/", "var/", "etc/ld.so", "usr/lib/sysimage"))]
    assert [path for path in left if "demo" in path] == []


def dpkg(root: Path, log: Path, *words: str | Path) -> str:
    """Run dpkg on a root of its own, with the scripts; systemctl is one that writes down what it is asked for."""
    tools = root.parent / "tools"
    if not tools.is_dir():
        (root / "var/lib/dpkg/updates").mkdir(parents=True)
        for name in ("status", "available"):
            (root / "var/lib/dpkg" / name).touch()
        tools.mkdir()
        (tools / "systemctl").write_text(f'#!/bin/sh\necho "systemctl $*" >> "{log}"\n')
        (tools / "systemctl").chmod(0o755)
    program = tool("dpkg", "apt-get install dpkg")
    forced = ["--force-depends", "--force-script-chrootless", "--force-bad-path", "--force-confold", "--force-architecture"]
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}:/usr/sbin:/sbin", "DEMO_LOG": str(log)}
    done = subprocess.run([program, f"--root={root}", *forced, *words], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_dpkg_runs_the_scripts_and_keeps_what_the_user_changed(made: Path, newer: Path, tmp_path: Path) -> None:
    root, log = tmp_path / "root", tmp_path / "log"
    dpkg(root, log, "-i", made / FORMATS["deb"])
    conf = root / CONF
    conf.write_text("mine\n")
    dpkg(root, log, "-i", newer / "demo_1.2.0_amd64.deb")
    assert conf.read_text() == "mine\n"
    assert conf.with_name(f"{conf.name}.dpkg-dist").read_text() == "# of 1.2.0\ncolour = green\n"
    assert dpkg(root, log, "--verify", "demo").split()[-1] == f"/{CONF}", "and nothing else differs"
    dpkg(root, log, "-r", "demo")
    assert conf.read_text() == "mine\n"
    dpkg(root, log, "-P", "demo")
    assert [path for path in listing(root) if "demo" in path] == []
    units = "demo.service demo@.service demo.timer"
    own = [
        line for line in log.read_text().splitlines() if "daemon-reload" not in line and "try-restart" not in line and " stop " not in line
    ]
    assert own == [
        "before install", "after install",
        f"systemctl --no-reload --system preset {units}", "systemctl --no-reload --global preset demo-user.service",
        "before upgrade", "after upgrade",
        f"systemctl --no-reload --system disable {units}", "systemctl --no-reload --global disable demo-user.service",
        "before remove", "after remove",
    ]  # fmt: skip


def called(script: str, log: Path, *words: str, **environment: str) -> str:
    """What a script writes down when it is called with these words, without systemd."""
    log.unlink(missing_ok=True)
    environment = {"PATH": "/usr/bin:/bin", "DEMO_LOG": str(log), **environment}
    hidden = f'command() {{ [ "$2" != systemctl ]; }}\n{script}'
    subprocess.run(["sh", "-e", "-c", hidden, "script", *words], env=environment, check=True)
    return log.read_text().strip() if log.exists() else ""


def test_every_package_manager_tells_the_scripts_why_they_run(made: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    rpm = dict(
        re.findall(
            r"^(\w+) scriptlet .*?:\n(.*?)(?=^\w+ scriptlet |\Z)",
            said("rpm", "-qp", "--scripts", made / FORMATS["rpm"]),
            re.MULTILINE | re.DOTALL,
        )
    )
    for name, words, expected in (
        ("preinstall", "1", "before install"), ("postinstall", "2", "after upgrade"), ("preuninstall", "0", "before remove"),
        ("preuninstall", "1", ""), ("postuninstall", "0", "after remove"), ("postuninstall", "1", ""),
    ):  # fmt: skip
        assert called(rpm[name], log, words) == expected
    with zstandard.open(made / FORMATS["arch"], "rb") as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        functions = next(data.read().decode() for member in tar if member.name == ".INSTALL" and (data := tar.extractfile(member)))
    for name, expected in (("pre_install", "before install"), ("post_upgrade", "after upgrade"), ("post_remove", "after remove")):
        assert called(f"{functions}\n{name} 2 1", log) == expected
    with tarfile.open(made / FORMATS["apk"]) as tar:
        apk = {member.name: data.read().decode() for member in tar if member.name.startswith(".p") and (data := tar.extractfile(member))}
    for name, expected in ((".pre-install", "before install"), (".post-upgrade", "after upgrade"), (".post-deinstall", "after remove")):
        assert called(apk[name], log, "2") == expected
    with tarfile.open(made / FORMATS["ipk"]) as outer:
        outer.extractall(tmp_path, filter="data")
    with tarfile.open(tmp_path / "control.tar.gz") as tar:
        tar.extractall(tmp_path / "control", filter="data")
    ipk = {path.name: path.read_text() for path in (tmp_path / "control").iterdir()}
    assert ipk["conffiles"] == f"/{CONF}\n"
    assert called(ipk["preinst"], log, "install") == "before install"
    assert called(ipk["postinst"], log, "configure", PKG_UPGRADE="1") == "after upgrade"
    assert called(ipk["prerm"], log, "upgrade", "2") == called(ipk["postrm"], log, "remove", PKG_UPGRADE="1") == ""
    assert called(ipk["postrm"], log, "remove") == "after remove"


def test_a_vendor_has_a_folder_of_its_own(tmp_path: Path) -> None:
    folder = make(tmp_path / "acme", vendor="acme", forms=("deb", "rpm"))
    root = unpack("deb", folder / FORMATS["deb"], tmp_path / "root")
    assert (root / "usr/bin/demo").readlink().as_posix() == "/opt/acme/demo/demo"
    assert said(root / "opt/acme/demo/demo") == "it runs\n"
    owned = said(tool("rpm", "apt-get install rpm"), "-qpl", folder / FORMATS["rpm"]).splitlines()
    assert {"/opt/acme", "/opt/acme/demo", "/etc/demo", "/usr/share/demo-data"} <= set(owned)
    assert not {"/opt", "/etc", "/usr/share", "/var/lib", "/usr/share/applications"} & set(owned)


OF_A_NAME: Final = {"file-in-etc-not-marked-as-conffile", "file-missing-in-md5sums", "missing-conffile"}  # that is not ASCII
# Of this package alone: its tree is made of scripts, and has one program where the product names two.
OF_THIS_ONE: Final = {"no-binary", "only-non-binary-in-usr-lib", "dangling-relative-symlink"}


@pytest.mark.parametrize("vendor", ["", "acme"])
def test_lintian_has_nothing_to_say_that_is_not_explained(vendor: str, made: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "acme", vendor=vendor, forms=("deb",)) if vendor else made
    lintian = said(tool("lintian", "apt-get install lintian"), "--allow-root", "--display-info", folder / FORMATS["deb"], code=None)
    lines = [line.split(maxsplit=3) for line in lintian.splitlines() if line.startswith(("E: ", "W: "))]
    assert all("etc/demo/gr" in line[3] for line in lines if line[2] in OF_A_NAME), lintian
    tags = {line[2] for line in lines}
    assert "I: demo: package-contains-empty-directory" in lintian, "lintian looked into the tree"
    assert tags <= explained.remarks("lintian"), lintian


def test_what_debs_override_is_explained(made: Path, tmp_path: Path) -> None:
    overrides = unpack("deb", made / FORMATS["deb"], tmp_path / "deb") / "usr/share/lintian/overrides/demo"
    tags = re.findall(r"^demo: (\S+)", overrides.read_text(), re.MULTILINE)
    assert len(tags) > 5
    assert set(tags) == explained.overridden()


def test_rpmlint_has_nothing_to_say_that_is_not_explained(made: Path) -> None:
    rpmlint = said(tool("rpmlint", "apt-get install rpmlint"), made / FORMATS["rpm"], code=None)
    tags = set(re.findall(r"^demo\.x86_64: [EW]: (\S+)", rpmlint, re.MULTILINE))
    assert "no-signature" in tags, "rpmlint read the package"
    assert tags <= explained.remarks("rpmlint") | OF_THIS_ONE, rpmlint
