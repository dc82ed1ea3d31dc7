"""The dependencies that are found by themselves, beside what Debian's own tools found for Debian's own packages."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge.bundle.stage import bundle_target
from coldforge.errors import Refused
from coldforge.freeze.binaries import Elf, is_elf, read_elf
from coldforge.freeze.needs import needs
from coldforge.plan import libraries
from coldforge.records import Need
from integration.test_bundle import DEB, make
from support.require import tool

pytestmark = pytest.mark.integration
INFO = Path("/var/lib/dpkg/info")
NOTE = """
__attribute__((section(".note.dlopen"), aligned(4), used)) static const struct {{
  unsigned name, text, kind; char owner[4]; char json[{size}];
}} note = {{ 4, {size}, 0x407c0c0a, "FDO", {json} }};
"""
JSON = '[{"soname":["libfido2.so.1"],"priority":"suggested"},{"feature":"x","soname":["libpcre2-8.so.0","libpcre2-8.so.1"]}]'


def output(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_the_table_says_what_debians_own_packages_say_of_their_libraries() -> None:
    tool("dpkg-query", "a Debian system")
    known, compared = libraries.known(), 0
    for path in sorted(INFO.glob("*.shlibs")):
        for line in path.read_text().splitlines():
            if line.startswith("#") or len(line.split()) < 3:
                continue
            name, version, package, *_ = line.split()
            for soname in {f"{name}.so.{version}", f"{name}-{version}.so"} & known.keys():
                names = {package, re.split(r"[:.]shlibs|:", path.name)[0]}  # some ask for a virtual package that theirs provides
                assert names & set(known[soname].split(" | ")), line
                compared += 1
    assert compared > 20


@pytest.mark.parametrize("package", ["dpkg", "git", "tar"])
def test_the_dependencies_of_a_package_of_debians_are_found_again(package: str) -> None:
    """dpkg-shlibdeps wrote what is in the package's fields, from the same files."""
    tool("dpkg-query", "a Debian system")
    files = [Path(name) for name in output("dpkg-query", "-L", package).split("\n") if name]
    facts = [read_elf(path, str(path)) for path in files if path.is_file() and not path.is_symlink() and is_elf(path)]
    found = needs([elf for elf in facts if elf], map(str, files))
    assert not list(libraries.unknown(found, libraries.known(), []))
    fields = output("dpkg-query", "-f", "${Pre-Depends}, ${Depends}", "-W", package)
    said = {field.split()[0] for field in re.split(r"[,|]", fields) if re.match(r"(lib|zlib)", field.strip())} - {"libc6"}
    assert {name for text in libraries.named(found, libraries.known()) for name in text.split(" | ") if name in said} == said - {
        "liberror-perl"
    }
    assert all(said & set(text.split(" | ")) for text in libraries.named(found, libraries.known()))


def test_a_file_may_say_what_it_opens_by_itself(tmp_path: Path) -> None:
    compiler = tool("gcc", "apt-get install gcc libc6-dev")
    (tmp_path / "x.c").write_text(NOTE.format(size=len(JSON) + 1, json='"' + JSON.replace('"', '\\"') + '"'))
    subprocess.run([compiler, "-shared", "-fPIC", "-nostdlib", "-o", tmp_path / "x.so", tmp_path / "x.c"], check=True)
    found = read_elf(tmp_path / "x.so", "x.so")
    assert isinstance(found, Elf)
    assert found.optional == ((("libfido2.so.1",), "suggested"), (("libpcre2-8.so.0", "libpcre2-8.so.1"), "recommended"))


def test_a_package_says_what_it_needs_and_what_it_would_like(tmp_path: Path) -> None:
    plan, payload = make(tmp_path)
    wanted = (
        Need(soname="libGL.so.1", by="demo"),
        Need(soname="libglib-2.0.so.0", by="demo"),
        Need(soname="libdbus-1.so.3", by="demo", priority="recommended"),
    )
    bundle_target(plan, plan.targets[0], replace(payload, needs=wanted), project=tmp_path, out=tmp_path / "dist")
    fields = output(tool("dpkg-deb", "apt-get install dpkg"), "-f", str(tmp_path / "dist/linux-x86_64" / DEB), "Depends", "Recommends")
    assert "Depends: libc6 (>= 2.31), libgl1, libglib2.0-0t64 | libglib2.0-0, zlib1g" in fields
    assert "Recommends: libdbus-1-3" in fields


def test_a_package_that_would_lack_a_library_is_not_made(tmp_path: Path) -> None:
    plan, payload = make(tmp_path)
    strange = replace(payload, needs=(Need(soname="libstrange.so.4", by="_internal/odd.so"),))
    with pytest.raises(Refused) as refused:
        bundle_target(plan, plan.targets[0], strange, project=tmp_path, out=tmp_path / "dist")
    assert "libstrange.so.4, which _internal/odd.so needs" in refused.value.problems[0].what
    assert not (tmp_path / "dist/linux-x86_64" / DEB).exists()
    config = replace(plan.config, deb=replace(plan.config.deb, libraries={"libstrange.so.4": "strange4 | strange"}))
    config = replace(config, arch=replace(config.arch, libraries={"libstrange.so.4": "strange"}))
    told = replace(plan, config=config)
    bundle_target(told, told.targets[0], strange, project=tmp_path, out=tmp_path / "dist")
    assert "strange4 | strange" in output("dpkg-deb", "-f", str(tmp_path / "dist/linux-x86_64" / DEB), "Depends")
