"""What Linux packages bring to a desktop and a shell, in each format alike, looked at by freedesktop.org's and the distributions' tools."""

from __future__ import annotations

import re
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from coldforge.bundle.stage import bundle_target
from coldforge.plan.names import Version, appstream
from support import payloads, rich
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
OWN: Final = re.compile(r"usr/share/(doc|licenses|lintian)/")  # what each family wants to have in its own way


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the artifacts of the rich product."""
    folder = tmp_path_factory.mktemp("rich")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLDFORGE_CACHE", str(folder / "cache"))
        plan, payload = rich.make(folder)
        bundle_target(plan, plan.targets[0], payload, project=folder, out=folder / "dist", asked=FORMATS.values(), jobs=2)
    return folder / "dist" / payloads.TARGET


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


# What appstreamcli remarks that we do not follow, and why.
APPSTREAM: Final = {
    "description-first-para-too-short": "the paragraph is the project's own",
}


def test_metainfo_is_valid(root: Path) -> None:
    program = tool("appstreamcli", "apt-get install appstream")
    output = said(
        program, "validate", "--no-net", "--pedantic", "--explain", root / f"usr/share/metainfo/{rich.ID}.metainfo.xml", code=None
    )
    remarks = set(re.findall(r"^[EWIP]: [^:]+:[^:]*: ([a-z-]+)", output, re.MULTILINE))
    assert remarks <= set(APPSTREAM), output
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
    } <= set(common["deb"])
