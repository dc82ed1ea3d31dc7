"""What is installed, against what was signed: trees, programs of one file, and packages that a package manager put on the machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from coldforge.attest.stage import attest
from coldforge.bundle.linux import nfpm
from coldforge.errors import ConfigurationError
from coldforge.host import files
from coldforge.records import ATTESTATIONS, MANIFEST, SUMS, Manifest, read, sums
from coldforge.release.publication import recorded
from coldforge.verify.installed import verify_installed
from coldforge.verify.policy import Policy, choose
from coldforge.verify.release import verify_folder
from coldforge.verify.verdict import Verdict
from support import packaged
from support.fake_github import FakeGitHub
from support.fake_sigstore import FakeSigstore, github_claims, mail_claims
from support.payloads import FILES, LINKS
from support.releases import PAYLOAD, PROGRAM, make_release
from support.require import tool
from support.unpacking import unpack

pytestmark = pytest.mark.integration
DEB = "demo_1.0.0_amd64.deb"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, sigstore: FakeSigstore) -> Path:
    """The evidence of a release (`evidence`), without any of its files, and what is trusted (`trust.json`)."""
    place = tmp_path_factory.mktemp("release")
    make_release(place / "dist")
    (place / "trust.json").write_text(sigstore.trust_config())
    attest(place / "dist", identity_token=sigstore.token(), trust_config=place / "trust.json")
    (place / "evidence").mkdir()
    shutil.copy(place / "dist" / ATTESTATIONS, place / "evidence")
    return place


def lay(root: Path) -> Path:
    """The tree as a package installs it."""
    (root / "lib").mkdir(parents=True)
    (root / "demo").write_bytes(PROGRAM)
    (root / "demo").chmod(0o755)
    (root / "lib" / "current").symlink_to("../demo")
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return lay(tmp_path / "opt" / "demo")


def demanded() -> Policy:
    chosen = choose(None, repository="acme/demo", tag="v1.0.0", identity=None, issuer=None)
    assert chosen is not None
    return chosen


def verify(place: Path, what: Path | str, policy: Policy | None = None) -> Verdict:
    return verify_installed(place / "evidence", str(what), policy=policy or demanded(), trusted_root=place / "trust.json")


def test_an_installed_tree_is_what_was_signed(place: Path, root: Path) -> None:
    verdict = verify(place, root)
    assert {row.name: row.word for row in verdict.rows} == {"demo": "ok", "lib/current": "ok"}
    assert verdict.exit_code == 0
    assert "this is demo 1.0.0 for linux-x86_64" in verdict.line


def relink(root: Path) -> None:
    (root / "lib" / "current").unlink()
    (root / "lib" / "current").symlink_to("/bin/sh")


def unlink(root: Path) -> None:
    (root / "lib" / "current").unlink()
    shutil.copy(root / "demo", root / "lib" / "current")


def shadow(root: Path, name: str, mode: int) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("import os\n")
    (root / name).chmod(mode)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


# What `setcap` writes (linux/capability.h, version 2 with the effective bit): a right that only root has otherwise.
SOME_RIGHT = b"\x01\x00\x00\x02" + b"\x00\x04\x00\x00" + b"\0" * 12
CHANGES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "another program": (lambda r: (r / "demo").write_bytes(b"evil"), "demo", "changed"),
    "an emptied program": (lambda r: (r / "demo").write_bytes(b""), "demo", "changed"),
    "a program with its owner's rights": (lambda r: (r / "demo").chmod(0o4755), "demo", "changed"),
    "a link that leads elsewhere": (relink, "lib/current", "changed"),
    "a file in the place of a link": (unlink, "lib/current", "changed"),
    "a program that is gone": (lambda r: (r / "demo").unlink(), "demo", "missing"),
    "a module more": (lambda r: shadow(r, "lib/os.py", 0o644), "lib/os.py", "extra"),
    "a program that is called like a licence": (lambda r: shadow(r, "licenses/run", 0o755), "licenses/run", "extra"),
    "a module that is called like a licence": (lambda r: shadow(r, "licenses/evil.py", 0o644), "licenses/evil.py", "extra"),
    "a link more": (lambda r: (r / "lib" / "more").symlink_to("/etc"), "lib/more", "extra"),
    "a program with rights of its own": (lambda r: os.setxattr(r / "demo", "security.capability", SOME_RIGHT), "demo", "changed"),
    "a pipe in the place of a program": (lambda r: pipe(r / "demo"), "demo", "changed"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_has_its_word(name: str, place: Path, root: Path) -> None:
    change, file, word = CHANGES[name]
    change(root)
    verdict = verify(place, root)
    assert {row.name: row.word for row in verdict.rows if row.word != "ok"} == {file: word}
    assert verdict.exit_code == 1


def test_licences_beside_the_tree_are_those_of_an_archive(place: Path, root: Path) -> None:
    for name in ("LICENSE", "licenses/THIRD-PARTY.txt"):
        shadow(root, name, 0o644)
    assert verify(place, root).exit_code == 0


def test_a_release_of_folders_alone_is_never_good(
    sigstore: FakeSigstore, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = tuple(entry for entry in PAYLOAD.files if entry.kind == "directory")
    monkeypatch.setattr("support.releases.PAYLOAD", msgspec.structs.replace(PAYLOAD, files=folders))
    make_release(tmp_path / "dist")
    attest(tmp_path / "dist", identity_token=sigstore.token(), trust_config=place / "trust.json")
    (tmp_path / "demo" / "lib").mkdir(parents=True)
    verdict = verify_installed(tmp_path / "dist", str(tmp_path / "demo"), policy=demanded(), trusted_root=place / "trust.json")
    assert (verdict.exit_code, verdict.rows) == (1, ())


def test_a_program_of_one_file_is_known_under_any_name(place: Path, tmp_path: Path) -> None:
    program = Path(shutil.copy(place / "dist" / "linux-x86_64" / DEB, tmp_path / "Demo.AppImage"))
    verdict = verify(place, program)
    assert (verdict.exit_code, verdict.rows[0].why) == (0, f"it is {DEB}; this is demo 1.0.0 for linux-x86_64")
    program.write_bytes(program.read_bytes() + b"\0")
    assert {row.word for row in verify(place, program).rows} == {"changed"}


def test_only_whom_the_policy_names_can_say_what_is_installed(place: Path, root: Path, sigstore: FakeSigstore, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nobody said"):
        verify_installed(place / "evidence", str(root), policy=None, trusted_root=place / "trust.json")
    make_release(tmp_path / "theirs")
    attest(tmp_path / "theirs", identity_token=sigstore.token(github_claims("evil/demo")), trust_config=place / "trust.json")
    (tmp_path / "evidence").mkdir()
    shutil.copy(tmp_path / "theirs" / ATTESTATIONS, tmp_path / "evidence")
    with pytest.raises(ConfigurationError, match="tells what is in the release") as caught:
        verify_installed(tmp_path / "evidence", str(root), policy=demanded(), trusted_root=place / "trust.json")
    assert "repository" in caught.value.why


def test_what_rebuilders_say_is_not_about_what_is_installed(place: Path, root: Path) -> None:
    with pytest.raises(ConfigurationError, match="rebuilders"):
        verify(place, root, msgspec.structs.replace(demanded(), k=1))


@pytest.mark.parametrize(
    "demand", [{"code_signer": "Acme"}, {"apple_team": "ABCDE12345"}, {"signed": {"deb": ("F" * 40,)}}, {"predicates": ("sbom",)}]
)
def test_what_is_demanded_of_the_files_of_a_release_is_not_left_out_silently(demand: dict[str, object], place: Path, root: Path) -> None:
    with pytest.raises(ConfigurationError, match="about the files of a release"):
        verify(place, root, msgspec.structs.replace(demanded(), **demand))


def test_a_revoked_source_is_told(place: Path, root: Path) -> None:
    signer = verify(place, root).signer
    assert signer is not None
    with pytest.raises(ConfigurationError, match="tells what is in the release") as caught:
        verify(place, root, msgspec.structs.replace(demanded(), revoked=(signer.commit,)))
    assert "revoked" in caught.value.why


def test_what_is_nowhere_is_told(place: Path) -> None:
    with pytest.raises(ConfigurationError, match="no folder, file or installed package"):
        verify(place, "no-such-package-of-anybody")


def as_deb(scratch: Path, root: Path, patch: pytest.MonkeyPatch) -> None:
    """Install a package with a launcher and a menu entry by dpkg, whose records are kept elsewhere."""
    (scratch / "DEBIAN").mkdir(parents=True)
    launcher, entry = (scratch / path.relative_to("/") for path in beside(root))
    launcher.parent.mkdir(parents=True)
    launcher.symlink_to(f"../{root.name}/demo")
    entry.parent.mkdir(parents=True)
    entry.write_text("[Desktop Entry]\n")
    control = "Package: demo-tree\nVersion: 1.0.0\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: a tree\n"
    (scratch / "DEBIAN" / "control").write_text(control)
    lay(scratch / root.relative_to("/"))
    package = scratch.with_suffix(".deb")
    subprocess.run([tool("dpkg-deb", "apt-get install dpkg"), "--build", scratch, package], check=True, capture_output=True)
    records = scratch.with_name("records")
    for folder in ("info", "updates", "triggers"):
        (records / folder).mkdir(parents=True)
    (records / "status").touch()
    subprocess.run(["dpkg", f"--admindir={records}", f"--log={records}/log", "--install", package], check=True, capture_output=True)
    patch.setenv("DPKG_ADMINDIR", str(records))


def beside(root: Path) -> tuple[Path, Path]:
    """Where a package has its launcher and its menu entry, whose tree is at `root`."""
    return root.parent / "bin" / "demo", root.parent / "share" / "applications" / "demo.desktop"


def as_rpm(scratch: Path, root: Path, patch: pytest.MonkeyPatch) -> None:
    """Install a package by rpm, whose records are kept elsewhere."""
    tree = lay(scratch / "tree")
    contents = [
        {"src": str(tree / "demo"), "dst": f"{root}/demo"},
        {"src": "../demo", "dst": f"{root}/lib/current", "type": "symlink"},
        {"src": f"../{root.name}/demo", "dst": str(beside(root)[0]), "type": "symlink"},
        {"src": str(tree / "demo"), "dst": str(beside(root)[1])},
    ]
    recipe = {"name": "demo-tree", "arch": "amd64", "version": "1.0.0", "maintainer": "A <a@example.org>", "contents": contents}
    (scratch / "nfpm.json").write_text(json.dumps(recipe))
    package = scratch.with_suffix(".rpm")
    making = [str(nfpm.executable()), "package", "--config", "nfpm.json", "--packager", "rpm", "--target", str(package)]
    subprocess.run(making, cwd=scratch, check=True, capture_output=True)
    home = scratch.with_name("home")
    home.mkdir()
    (home / ".rpmmacros").write_text(f"%_dbpath {home}/records\n")
    patch.setenv("HOME", str(home))
    rpm = tool("rpm", "apt-get install rpm")
    subprocess.run([rpm, "--install", "--nodeps", "--nosignature", package], check=True, capture_output=True)


def as_arch(scratch: Path, root: Path, patch: pytest.MonkeyPatch) -> None:
    """Install a package by pacman, which finds its records elsewhere by a program of its name: it has no variable for that."""
    lay(scratch / root.relative_to("/"))
    launcher, entry = (scratch / path.relative_to("/") for path in beside(root))
    launcher.parent.mkdir(parents=True)
    launcher.symlink_to(f"../{root.name}/demo")
    entry.parent.mkdir(parents=True)
    entry.write_text("[Desktop Entry]\n")
    (scratch / ".PKGINFO").write_text("pkgname = demo-tree\npkgver = 1.0.0-1\npkgdesc = a tree\narch = any\n")
    package = scratch.with_suffix(".pkg.tar.gz")
    with tarfile.open(package, "w:gz") as archive:
        for path in sorted(scratch.iterdir()):
            archive.add(path, path.name)
    records, programs = scratch.with_name("records"), scratch.with_name("programs")
    for folder in (records, programs):
        folder.mkdir()
    pacman = tool("pacman", "apt-get install pacman-package-manager")
    words = f"{pacman} --dbpath {records} --logfile {records}/log --cachedir {records} --config {os.devnull}"
    (programs / "pacman").write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    (programs / "pacman").chmod(0o755)
    patch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    subprocess.run(["pacman", "--upgrade", "--noconfirm", package], check=True, capture_output=True)


@pytest.mark.parametrize("install", [as_deb, as_rpm, as_arch])
def test_a_package_is_found_by_its_name(
    install: Callable[[Path, Path, pytest.MonkeyPatch], None], place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "installed" / "demo"
    install(tmp_path / "package", root, monkeypatch)
    launcher, entry = map(str, beside(root))
    verdict = verify(place, "demo-tree")
    assert {row.name: row.word for row in verdict.rows} == {"demo": "ok", "lib/current": "ok", launcher: "ok"}
    assert f"outside of {root}, which nobody signed and nobody judged: 1" in verdict.line
    (root / "demo").write_bytes(b"evil")
    assert {row.name: row.word for row in verify(place, "demo-tree").rows} == {"demo": "changed", "lib/current": "ok", launcher: "ok"}
    assert entry not in verdict.line


def instead(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)
    path.chmod(0o755)


def outside(path: Path) -> None:
    (path.parent / "evil").write_bytes(b"evil")
    path.unlink()
    path.symlink_to("evil")


def around(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


LAUNCHERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a script in its place": (lambda path: instead(path, "#!/bin/sh\nrm -r ~\n"), "changed"),
    "a link that leads elsewhere": (outside, "changed"),
    "a link that leads nowhere": (around, "changed"),
    "one that is gone": (lambda path: path.unlink(), "missing"),
    "the program itself": (lambda path: instead(path, PROGRAM.decode()), "ok"),
}


@pytest.mark.parametrize("name", LAUNCHERS)
def test_what_a_user_starts_is_judged_as_well(name: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change, word = LAUNCHERS[name]
    root = tmp_path / "installed" / "demo"
    as_deb(tmp_path / "package", root, monkeypatch)
    launcher = beside(root)[0]
    change(launcher)
    verdict = verify(place, "demo-tree")
    assert {row.name: row.word for row in verdict.rows} == {"demo": "ok", "lib/current": "ok", str(launcher): word}
    assert verdict.exit_code == (word != "ok")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory, sigstore: FakeSigstore) -> Path:
    """Packages as they are really made, of a tree with everything that packaging can break, attested by a person."""
    dist = packaged.release(tmp_path_factory.mktemp("packages"), "1.0.0", formats=(*TREES, "onefile"))
    digests = {artifact.name: artifact.sha256 for artifact in read(dist / MANIFEST, Manifest).artifacts}
    (dist / SUMS).write_bytes(sums({**digests, MANIFEST: files.sha256(dist / MANIFEST)}))
    (dist.parent / "trust.json").write_text(sigstore.trust_config())
    attest(dist, identity_token=sigstore.token(PERSON), trust_config=dist.parent / "trust.json")
    return dist


TREES: dict[str, str] = {
    "deb": "usr/lib/demo",
    "rpm": "usr/lib/demo",
    "arch": "usr/lib/demo",
    "apk": "usr/lib/demo",
    "tar.gz": "demo-1.0.0",
}
FILE = "_internal/lib/libthing.so.1"
PERSON = mail_claims("dev@example.org")


def by_person() -> Policy:
    chosen = choose(None, repository=None, tag=None, identity="dev@example.org", issuer=PERSON["iss"])
    assert chosen is not None
    return chosen


@pytest.mark.parametrize(
    ("repository", "tag", "wrong"), [("acme/demo", "v1.0.0", ""), ("acme/demo", "v2", "ref"), ("acme/x", "v1.0.0", "repository")]
)
def test_another_release_of_a_person_is_not_the_one_that_was_asked_for(
    repository: str, tag: str, wrong: str, place: Path, root: Path, sigstore: FakeSigstore, tmp_path: Path
) -> None:
    make_release(tmp_path / "dist")
    attest(tmp_path / "dist", identity_token=sigstore.token(PERSON), trust_config=place / "trust.json")
    policy = choose(None, repository=repository, tag=tag, identity="dev@example.org", issuer=PERSON["iss"])
    trust = place / "trust.json"
    if not wrong:
        assert verify_installed(tmp_path / "dist", str(root), policy=policy, trusted_root=trust).exit_code == 0
        return
    with pytest.raises(ConfigurationError, match="tells what is in the release") as caught:
        verify_installed(tmp_path / "dist", str(root), policy=policy, trusted_root=trust)
    assert wrong in caught.value.why


def test_what_a_build_left_is_the_signed_tree(packages: Path, tmp_path: Path) -> None:
    dist = Path(shutil.copytree(packages, tmp_path / "dist", symlinks=True))

    def wrong() -> dict[str, str]:
        verdict = verify_folder(dist, policy=by_person(), trusted_root=packages.parent / "trust.json")
        return {row.name: row.word for row in verdict.rows if row.word != "ok"}

    assert (dist / "linux-x86_64" / "payload" / FILE).is_file()
    assert wrong() == {}
    (dist / "linux-x86_64" / "payload" / FILE).write_bytes(b"another library")
    assert wrong() == {f"linux-x86_64/payload/{FILE}": "changed"}


@pytest.mark.parametrize("form", TREES)
def test_what_every_package_installs_is_the_signed_tree(form: str, packages: Path, tmp_path: Path) -> None:
    (artifact,) = (artifact for artifact in read(packages / MANIFEST, Manifest).artifacts if artifact.format == form)
    root = unpack(form, packages / artifact.path, tmp_path / "root") / TREES[form]
    verdict = verify_installed(packages, str(root), policy=by_person(), trusted_root=packages.parent / "trust.json")
    assert [row for row in verdict.rows if row.word != "ok"] == []
    assert {row.name for row in verdict.rows} == {*FILES, *LINKS}
    (root / FILE).write_bytes(b"another library")
    verdict = verify_installed(packages, str(root), policy=by_person(), trusted_root=packages.parent / "trust.json")
    assert {row.name: row.word for row in verdict.rows if row.word != "ok"} == {FILE: "changed"}


def test_a_real_program_of_one_file(packages: Path, tmp_path: Path) -> None:
    (artifact,) = (artifact for artifact in read(packages / MANIFEST, Manifest).artifacts if artifact.format == "onefile")
    program = Path(shutil.copy(packages / artifact.path, tmp_path / "demo"))
    assert verify_installed(packages, str(program), policy=by_person(), trusted_root=packages.parent / "trust.json").exit_code == 0


def command(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    return subprocess.run([sys.executable, "-m", "coldforge", *words], env=environment, capture_output=True, text=True, check=False)


def verified_from_github(place: Path, root: Path, *, attached: bool) -> int:
    """How many files are downloaded to find all of it right; the attestations are a file too, or in the record alone."""
    with FakeGitHub() as github:
        release = github.add_release("v1.0.0", draft=False)
        for path in (place / "dist" / MANIFEST, place / "dist" / "linux-x86_64" / DEB):
            github.add_asset(release, path.name, path.read_bytes())
        said = (place / "dist" / ATTESTATIONS).read_bytes()
        if attached:
            github.add_asset(release, ATTESTATIONS, said)
        else:
            github.recorded = [json.loads(line) for line in said.splitlines()]
        trusted = ["--trusted-root", str(place / "trust.json"), "--api-url", github.url]
        done = command("verify", "acme/demo@v1.0.0", "--installed", str(root), *trusted, "--json")
        fetched = [line for line in github.log if "/releases/assets/" in line]
    assert done.returncode == 0, done.stderr
    assert {row["name"]: row["word"] for row in json.loads(done.stdout)["rows"]} == {"demo": "ok", "lib/current": "ok"}
    return len(fetched)


def test_a_release_on_github_need_not_be_downloaded_whole(place: Path, root: Path) -> None:
    assert verified_from_github(place, root, attached=True) == 2


def test_what_is_installed_is_verified_by_the_record_of_a_release_that_has_no_attestations(place: Path, root: Path) -> None:
    """GitHub is asked by the digests that the manifest has of the packages, which are not downloaded."""
    assert verified_from_github(place, root, attached=False) == 1


def test_a_manifest_that_nobody_has_judged_yet_leads_a_request_nowhere_else(place: Path, tmp_path: Path) -> None:
    text = (place / "dist" / MANIFEST).read_text()
    for number, artifact in enumerate(read(place / "dist" / MANIFEST, Manifest).artifacts):
        text = text.replace(artifact.sha256, f"../../../../user{number}")
    (tmp_path / MANIFEST).write_text(text)
    with FakeGitHub() as github:
        assert recorded(tmp_path, "acme/demo", api_url=github.url) == {}
        assert [line.rpartition("/")[2] for line in github.log] == [f"sha256:{files.sha256(tmp_path / MANIFEST)}"]
