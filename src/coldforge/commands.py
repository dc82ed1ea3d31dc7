"""The verbs: their options, their help, and one call each into the pipeline."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from coldforge import __version__
from coldforge.cli import answer, common, existing

PROJECT = click.argument("project", default=".", type=click.Path(path_type=str))
CONFIG = click.option(
    "--config", default="", metavar="FILE", help="File in PROJECT that is its configuration, instead of [tool.coldforge] or coldforge.toml."
)
DIST = click.argument("dist", default="dist", type=click.Path(path_type=str))
OUT = click.option("--out", default="dist", show_default=True, type=click.Path(path_type=str), help="Folder for everything that is made.")
TARGET = click.option("--target", "targets", multiple=True, metavar="OS-ARCH", help="Only this target, such as linux-x86_64 (repeatable).")
FORMAT = click.option("--format", "formats", multiple=True, metavar="FORMAT", help="Only this format, such as deb (repeatable).")
HOST = click.option("--host", is_flag=True, help="Work on this machine, not in containers.")
CLEAN = click.option("--clean", is_flag=True, help="Do everything again, whatever is there already.")
JOBS = click.option("--jobs", type=click.IntRange(min=0), default=0, metavar="N", help="Things done side by side (0: one a core).")
IDENTITY = click.option("--identity-token", envvar="COLDFORGE_IDENTITY_TOKEN", help="OIDC token to sign with (default: the CI job's own).")
TRUST = click.option(
    "--trust-config",
    envvar="COLDFORGE_TRUST_CONFIG",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Another sigstore instance (default: the public one).",
)
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else there.")
OPENPGP = click.option(
    "--openpgp-key", metavar="FILE|FINGERPRINT", help="Private OpenPGP key, or one that gpg's agent keeps (default: COLDFORGE_OPENPGP_KEY)."
)
RSA = click.option("--rsa-key", metavar="FILE", help="Private RSA key, for apk (default: COLDFORGE_RSA_KEY).")
AUTHENTICODE = click.option(
    "--authenticode-key",
    metavar="FILE|URI",
    help="Key for programs for Windows: PKCS #12 or PEM, or a pkcs11: URI (default: COLDFORGE_AUTHENTICODE_KEY).",
)
CERTIFICATE = click.option(
    "--authenticode-certificate",
    metavar="FILE",
    help="Its certificates in PEM, the signer's first (default: COLDFORGE_AUTHENTICODE_CERTIFICATE).",
)
MODULE = click.option("--pkcs11-module", metavar="FILE", help="Shared library that has the key (default: COLDFORGE_PKCS11_MODULE).")
SERVERS = click.option(
    "--timestamp-server", "timestamp_servers", multiple=True, metavar="URL",
    help="RFC 3161 server; several are tried in turn (default: COLDFORGE_TIMESTAMP_SERVERS).",
)  # fmt: skip
COMMAND = click.option(
    "--sign-command",
    metavar="WORDS",
    help="Sign programs by this command instead, with {file} for the file (default: COLDFORGE_SIGN_COMMAND).",
)
SUBJECT = click.option(
    "--sign-subject", metavar="NAME", help="Common name or subject that programs must be signed as (default: COLDFORGE_SIGN_SUBJECT)."
)
APPLE = click.option(
    "--apple-key",
    metavar="FILE|keychain:NAME",
    help="Key for programs for macOS: PKCS #12 or PEM, or one in a Mac's keychain (default: COLDFORGE_APPLE_KEY; without one, ad hoc).",
)
APPLE_CERTIFICATE = click.option(
    "--apple-certificate", metavar="FILE", help="Its certificates in PEM, the signer's first (default: COLDFORGE_APPLE_CERTIFICATE)."
)
INSTALLER = click.option(
    "--apple-installer-key",
    metavar="FILE|keychain:NAME",
    help="Key for packages (pkg) for macOS, in the same ways (default: COLDFORGE_APPLE_INSTALLER_KEY).",
)
INSTALLER_CERTIFICATE = click.option(
    "--apple-installer-certificate",
    metavar="FILE",
    help="Its certificates in PEM, the signer's first (default: COLDFORGE_APPLE_INSTALLER_CERTIFICATE).",
)
APPLE_SERVERS = click.option(
    "--apple-timestamp-server", "apple_servers", multiple=True, metavar="URL",
    help="RFC 3161 server for macOS, or `none`; several are tried in turn (default: COLDFORGE_APPLE_TIMESTAMP_SERVERS, else Apple's).",
)  # fmt: skip
FORGIVING = click.option(
    "--forgiving", is_flag=True, help="Leave an optional target out that fails, and go on: the release tells what it is without."
)
PASSPHRASE = click.option(
    "--passphrase-fd",
    type=click.IntRange(min=0),
    metavar="N",
    help="Read the keys' passphrase from this file descriptor (default: COLDFORGE_OPENPGP_PASSPHRASE and the like).",
)
API = click.option("--api-url", envvar="GITHUB_API_URL", help="Base URL of the API (default: GitHub's own).")


def who_signed(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say who must have signed a release."""
    options = (
        click.option("--policy", type=click.Path(path_type=Path, dir_okay=False), help="What to demand (TOML)."),
        click.option("--repo", metavar="OWNER/REPO", help="Demand that this repository's release workflow signed it."),
        click.option("--tag", help="Demand this tag."),
        click.option("--trusted-root", type=click.Path(path_type=Path, dir_okay=False), help="Trust root file (default: sigstore's own)."),
        click.option("--certificate-identity", help="Who must have signed: the certificate's name, exactly."),
        click.option("--certificate-oidc-issuer", help="Who must have vouched for the signer."),
        click.option("--key", type=click.Path(path_type=Path, dir_okay=False), help="Public key (PEM) of a signer who has no certificate."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def show(document: object) -> None:
    """Print a record, or what is JSON already, as one JSON document on stdout."""
    from coldforge.records import plain

    answer(json.dumps(plain(document), indent=2, sort_keys=True, ensure_ascii=False) + "\n")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, "-V", "--version", message="coldforge %(version)s")
def coldforge() -> None:
    """From source to signed, attested, reproducible installers, and one draft release that anybody can verify.

    \b
    coldforge init              the files that a project needs
    coldforge plan              what would be made, and what is missing
    coldforge build             freeze and package, into dist/
    coldforge sign              packages, with a key of your own
    coldforge notarize          images and packages for macOS, by Apple
    coldforge attest            sign statements about every file (in CI: its own identity)
    coldforge release           complete the draft release on GitHub
    coldforge verify WHAT       check a folder or owner/repo@tag
    coldforge policy init       write what to demand, from a release
    coldforge rebuild WHAT      build it again, and compare the bytes
    coldforge repo DIST...      repositories for apt, dnf, pacman and apk
    coldforge shops DIST        manifests for winget, Scoop, Chocolatey and Homebrew
    coldforge pack, unpack      what one CI job hands to the next

    Exit codes: 0 done, 1 the answer is no, 2 wrong usage or configuration, 3 something is missing here,
    4 a build step failed, 5 a remote service failed (safe to run again).
    """


@coldforge.command(short_help="Write the files that a project needs.")
@PROJECT
@click.option("-y", "--yes", is_flag=True, help="Ask nothing; what cannot be found is an error.")
@click.option("--force", is_flag=True, help="Replace files that are there already and differ.")
@click.option("--rebuilder", metavar="OWNER/REPO", help="Write instead the workflow that builds this repository's releases again.")
@common
def init(project: str, *, yes: bool, force: bool, rebuilder: str | None) -> None:
    """Write what PROJECT needs of coldforge: matrix.yml, noxfile.py, a workflow for releases and one for pull requests.

    Shows what it found, and how a file that is there already differs; such a file stays unless --force is given.
    Only what it cannot find is asked: what starts a program that has no `[project.scripts]`.
    """
    from coldforge import starting
    from coldforge.project.source import below

    root = existing(project)
    if rebuilder:
        made = starting.rebuilder(rebuilder, ref=starting.reference())
    else:
        made = starting.scaffold(root, entry=_entry(root, yes=yes), ref=starting.reference(), below=below(root))
    starting.show(root, made)
    if not yes and sys.stdin.isatty() and not click.confirm("Write these files?", default=True, err=True):
        return
    starting.tell(root, made, starting.write(root, made, force=force), rebuilder=bool(rebuilder))


def _entry(root: Path, *, yes: bool) -> str:
    """What starts the project, where its files do not say so; else empty. Raises ConfigurationError when nobody can tell."""
    from coldforge import starting

    if not starting.lacks_entry(root):
        return ""
    found, all_found = starting.choices(root)
    if entry := found if found or yes else _asked(all_found):
        return entry
    raise starting.no_entry(root, all_found)


def _asked(found: tuple[str, ...]) -> str:
    """What a person at a terminal says is the entry point; empty when nobody is there."""
    if not sys.stdin.isatty():
        return ""
    kind = click.Choice(found) if found else None
    return str(click.prompt("What starts the program (package.module:function)", type=kind, default=found[0] if found else None, err=True))


@coldforge.command()
@PROJECT
@CONFIG
@TARGET
@FORMAT
@JSON
@click.option("--matrix", is_flag=True, help="The GitHub matrix as one line of JSON.")
@click.option("--release", is_flag=True, help="Ask GitHub too whether it would take the release; a token that may read is enough.")
@click.option("--repo", metavar="OWNER/REPO", envvar="GITHUB_REPOSITORY", help="With --release: where (default: the source's repository).")
@click.option("--tag", help="With --release: the release's tag (default: the tag that is built).")
@API
@common
def plan(
    project: str,
    targets: tuple[str, ...],
    formats: tuple[str, ...],
    *,
    config: str,
    as_json: bool,
    matrix: bool,
    release: bool,
    **where: str | None,
) -> None:
    """Say what would be built, where, and under which names. Touches nothing."""
    from coldforge import pipeline, releasing, showing

    if as_json and matrix:
        raise click.UsageError("--json and --matrix are two documents, and stdout takes one", click.get_current_context())
    made = pipeline.make(existing(project), targets=targets, formats=formats, config=config).plan
    showing.show_plan(made, quiet=as_json or matrix)
    if release:
        releasing.foresee_release(made, existing(project), **where)
    if matrix:
        answer(json.dumps(showing.matrix_of(made), sort_keys=True) + "\n")
    elif as_json:
        show(made)


@coldforge.command(short_help="Freeze and package, and try what was made.")
@PROJECT
@CONFIG
@TARGET
@FORMAT
@OUT
@HOST
@CLEAN
@JOBS
@click.option("--no-smoke", is_flag=True, help="Do not try what was made in bare systems.")
@JSON
@common
def build(project: str, out: str, *, no_smoke: bool, as_json: bool, **options: Any) -> None:
    """Freeze and package PROJECT for the chosen targets (default: all that this machine can build), and try that in bare systems."""
    from coldforge import pipeline

    stages = pipeline.PACKAGE if no_smoke else pipeline.BUILD
    manifest = pipeline.run(existing(project), stages, out=existing(out), **options)
    if as_json:
        show(manifest)


@coldforge.command(short_help="Only make the frozen tree.")
@PROJECT
@CONFIG
@TARGET
@OUT
@HOST
@CLEAN
@JSON
@common
def freeze(project: str, out: str, *, as_json: bool, **options: Any) -> None:
    """Only make the frozen tree of PROJECT: the stage that runs the project's own code."""
    from coldforge import pipeline

    manifest = pipeline.run(existing(project), pipeline.FREEZE, out=existing(out), **options)
    if as_json:
        show(manifest)


@coldforge.command(short_help="Only package what was frozen.")
@PROJECT
@CONFIG
@TARGET
@FORMAT
@OUT
@HOST
@CLEAN
@JOBS
@click.option("--carried", is_flag=True, help="Only make what installers bring of their own, for `sign --payload` to sign.")
@click.option(
    "--frozen",
    is_flag=True,
    help="Package what was frozen, without any code of the project: optional targets that were not, or that fail, are left out.",
)
@JSON
@common
def bundle(project: str, out: str, *, carried: bool, as_json: bool, **options: Any) -> None:
    """Only package what `coldforge freeze` left in the output folder."""
    from coldforge import pipeline

    manifest = pipeline.run(existing(project), pipeline.CARRY if carried else pipeline.BUNDLE, out=existing(out), **options)
    if as_json:
        show(manifest)


@coldforge.command(short_help="Only try what was made, in bare systems.")
@PROJECT
@CONFIG
@TARGET
@OUT
@CLEAN
@JSON
@common
def smoke(project: str, out: str, *, as_json: bool, **options: Any) -> None:
    """Only install and start what lies in the output folder in bare systems, as a plain user, with a display for windows."""
    from coldforge import pipeline

    manifest = pipeline.run(existing(project), pipeline.SMOKE, out=existing(out), **options)
    if as_json:
        show(manifest)


@coldforge.command(short_help="Put DIST into one file, for the next job.")
@DIST
@TARGET
@click.option("--to", "part", required=True, type=click.Path(path_type=str, dir_okay=False), help="The file to write.")
@click.option("--trees/--no-trees", default=True, help="With or without the frozen trees, which only packaging needs.")
@common
def pack(dist: str, part: str, targets: tuple[str, ...], *, trees: bool) -> None:
    """Put DIST into one file, for another job or another machine to go on with: a tar that keeps modes and links.

    The file's digest is told, and is the step's output `part-sha256` in CI: hand it over by another way than the file.
    """
    from coldforge import parts
    from coldforge.target import Target

    parts.pack(existing(dist), existing(part), targets=[str(Target.parse(name)) for name in targets], trees=trees)


@coldforge.command(short_help="Take what `coldforge pack` made in an earlier job.")
@click.argument("part", type=click.Path(path_type=str))
@OUT
@click.option("--sha256", required=True, metavar="DIGEST", help="What the earlier job told of the file; any other file is refused.")
@click.option("--target", help="The one target that the part may speak for; one that holds anything of another is refused.")
@click.option("--only-smoke", is_flag=True, help="Take only what was proven of the artifacts: all that a job may add that ran the product.")
@common
def unpack(part: str, out: str, *, sha256: str, target: str | None, only_smoke: bool) -> None:
    """Take what `coldforge pack` made in an earlier job, if it is just that."""
    from coldforge import parts
    from coldforge.target import Target

    parts.unpack(existing(part), existing(out), sha256=sha256, target=str(Target.parse(target)) if target else "", only_smoke=only_smoke)


@coldforge.command(short_help="Sign packages, programs and installers.")
@DIST
@OPENPGP
@RSA
@AUTHENTICODE
@CERTIFICATE
@MODULE
@COMMAND
@SUBJECT
@SERVERS
@APPLE
@APPLE_CERTIFICATE
@INSTALLER
@INSTALLER_CERTIFICATE
@APPLE_SERVERS
@PASSPHRASE
@click.option(
    "--payload", is_flag=True, help="Sign the programs of trees for Windows and macOS, and what installers carry, before `bundle`."
)
@click.option(
    "--project", default=".", type=click.Path(path_type=str), help="With --payload: the project, whose files an application for macOS has."
)
@FORGIVING
@JSON
@common
def sign(
    dist: str,
    *,
    openpgp_key: str | None,
    rsa_key: str | None,
    timestamp_servers: tuple[str, ...],
    apple_servers: tuple[str, ...],
    passphrase_fd: int | None,
    payload: bool,
    project: str,
    forgiving: bool,
    as_json: bool,
    **programs: str | None,
) -> None:
    """Sign the packages of DIST as their formats want it: deb, rpm, arch and appimage by OpenPGP, apk by RSA,
    programs and installers for Windows by Authenticode, images, packages and programs (--payload) for macOS by a Developer ID, the last
    also ad hoc.

    Before `attest`, and without any code of the project. Signing again with the same keys changes nothing.
    """
    from coldforge import signing
    from coldforge.sign import apple, authenticode
    from coldforge.sign.keys import given

    names = {
        "apple_key": apple.KEY,
        "apple_certificate": apple.CERTIFICATE,
        "apple_installer_key": apple.INSTALLER.key,
        "apple_installer_certificate": apple.INSTALLER.certificate,
        "authenticode_key": authenticode.KEY,
        "authenticode_certificate": authenticode.CERTIFICATE,
        "pkcs11_module": authenticode.MODULE,
        "sign_command": authenticode.COMMAND,
        "sign_subject": authenticode.SUBJECT,
    }
    about = {names[option]: value for option, value in programs.items()}
    keys = given(openpgp_key, rsa_key, passphrase_fd, programs=about, timestamp_servers=timestamp_servers, apple_servers=apple_servers)
    place = existing(dist)
    if payload:
        manifest = signing.sign_payloads(place, keys, existing(project), forgiving=forgiving)
    else:
        manifest = signing.sign_release(place, keys, forgiving=forgiving)
    if as_json:
        show(manifest)


@coldforge.command(short_help="Have Apple accept what was signed.")
@DIST
@click.option("--notary-key", metavar="FILE", help="Key of App Store Connect, AuthKey_ID.p8 (default: COLDFORGE_NOTARY_KEY).")
@click.option("--notary-key-id", metavar="ID", help="Its id (default: COLDFORGE_NOTARY_KEY_ID).")
@click.option("--notary-issuer", metavar="UUID", help="Its issuer; none for one person's own key (default: COLDFORGE_NOTARY_ISSUER).")
@click.option(
    "--deadline", type=click.FloatRange(min=0), default=30, show_default=True, metavar="MINUTES", help="How long to wait for Apple."
)
@click.option("--payload", is_flag=True, help="Ask about the applications of signed trees, before `bundle`: each gets a ticket of its own.")
@click.option(
    "--project", default=".", type=click.Path(path_type=str), help="With --payload: the project, whose files an application for macOS has."
)
@FORGIVING
@JSON
@common
def notarize(dist: str, *, deadline: float, payload: bool, project: str, forgiving: bool, as_json: bool, **options: str | None) -> None:
    """Have Apple accept the signed disk images and packages of DIST, and put its tickets to them, so that Macs open them without asking it.

    Between `sign` and `attest`; with --payload between `sign --payload` and `bundle`. After the deadline, or when Apple does not answer,
    the exit code is 5: run it again, at any time and as often as you like; what was submitted is not submitted twice.
    """
    from coldforge import signing
    from coldforge.sign import passes

    names = {"notary_key": passes.KEY, "notary_key_id": passes.KEY_ID, "notary_issuer": passes.ISSUER}
    about = {names[option]: value for option, value in options.items()}
    place = existing(dist)
    manifest = (
        signing.notarize_payloads(place, about, existing(project), minutes=deadline, forgiving=forgiving)
        if payload
        else signing.notarize_release(place, about, minutes=deadline, forgiving=forgiving)
    )
    if as_json:
        show(manifest)


@coldforge.command(short_help="Sign statements about every file of a release.")
@DIST
@IDENTITY
@TRUST
@click.option("--inputs", default="", metavar="JSON", help="Inputs of the workflow that built DIST: the provenance tells them.")
@click.option("--tried", is_flag=True, help="Leave optional targets out that were not tried, though all were to be: trying them failed.")
@API
@common
def attest(dist: str, *, tried: bool, **options: Any) -> None:
    """Sign a statement about every file of DIST, and about what each target's artifacts are made of: sigstore bundles beside them.

    A job of GitHub Actions that has a GITHUB_TOKEN with `attestations: write` puts them into its repository's record as well.
    """
    from coldforge import releasing

    releasing.attest_release(existing(dist), tried=tried, **options)


@coldforge.command()
@DIST
@click.option("--repo", metavar="OWNER/REPO", envvar="GITHUB_REPOSITORY", help="Where the release is (default: the source's repository).")
@click.option("--tag", help="The release's tag (default: the tag that was built).")
@click.option("--notes", type=click.Path(path_type=Path, dir_okay=False), help="Release notes (default: the changelog's section).")
@click.option(
    "--notes-from",
    type=click.Choice(["changelog", "commits", "github", "none"]),
    help="Where notes come from without --notes: git's commits since the version before, or GitHub's own generator (default: changelog).",
)
@click.option(
    "--notes-mode",
    type=click.Choice(["keep", "append", "replace"]),
    default="keep",
    show_default=True,
    help="What becomes of the text of a draft that is there. Only `replace` takes a person's words away.",
)
@click.option(
    "--publish", is_flag=True, help="Publish it when GitHub hands out all that was attested, and nothing else; otherwise it stays a draft."
)
@click.option("--prerelease", is_flag=True, help="Make it a pre-release, whatever its version; --promote ends that.")
@click.option(
    "--promote", is_flag=True, help="Make a published pre-release that holds exactly these files the release; nothing is uploaded."
)
@click.option("--replace", is_flag=True, help="In a draft, swap files that have other bytes for those that are here.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@API
@JSON
@common
def release(dist: str, *, as_json: bool, **options: Any) -> None:
    """Create or complete the one draft release. Running it again converges: nothing twice, nothing lost."""
    from coldforge import releasing

    record = releasing.make_release(existing(dist), **options)
    if as_json:
        show(record)


@coldforge.command()
@click.argument("what")
@who_signed
@click.option("--offline", is_flag=True, help="Never use the network (a folder never does).")
@click.option("--bundle", type=click.Path(path_type=Path, dir_okay=False), help="WHAT is one file; check it with this bundle.")
@click.option(
    "--rebuilds", multiple=True, metavar="FILE|FOLDER|URL", help="Where rebuilders' bundles are, besides those in WHAT (repeatable)."
)
@click.option(
    "--installed", metavar="PLACE", help="Check what is installed of the release: a folder, an AppImage or program, or a package's name."
)
@API
@JSON
@common
def verify(
    what: str, *, offline: bool, bundle: Path | None, rebuilds: tuple[str, ...], installed: str | None, as_json: bool, **who: Any
) -> int:
    """Check a whole release: a folder, or OWNER/REPO@TAG. Exit code 0 only if every file is what it should be.

    \b
    coldforge verify owner/app@v1.2.0                            all its files, downloaded
    coldforge verify ./downloads --repo owner/app                a folder of them, without any network
    coldforge verify owner/app@v1.2.0 --installed app            the files that the package `app` installed here
    coldforge verify ./downloads --repo owner/app --installed /opt/app
    """
    from coldforge import verifying

    demand = verifying.Demand(**who)
    verdict = verifying.verify(what, demand, offline=offline, bundle=bundle, rebuilds=rebuilds, installed=installed, quiet=as_json)
    if as_json:
        show(verdict)
    return int(verdict.exit_code)


@coldforge.group()
def policy() -> None:
    """What a verifier demands."""


@policy.command("init")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--trusted-root", type=click.Path(path_type=Path, dir_okay=False), help="Trust root file (default: sigstore's own).")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("coldforge.verify.toml"), show_default=True)
@common
def policy_init(folder: Path, *, trusted_root: Path | None, out: Path) -> None:
    """Write a policy from the release in FOLDER: whoever signed it must sign the next ones. Look whether that is who you mean."""
    from coldforge import verifying

    verifying.policy_init(folder, out, trusted_root=trusted_root)


@coldforge.command(short_help="Build a release again, and compare the bytes.")
@click.argument("what", default="dist")
@who_signed
@click.option("--unverified", is_flag=True, help="Ask for no signature: for a build of your own.")
@API
@TARGET
@click.option("--source", default="", metavar="FOLDER|URL", help="A repository with the commit (default: the one that it was signed for).")
@HOST
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep what was rebuilt in this folder.")
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False), help="Write what differs, and where, as a page (HTML) into this file."
)
@click.option(
    "--attest",
    "statement",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Sign what came out, the same bytes or not, into this file: such as NAME.rebuild.sigstore.json.",
)
@IDENTITY
@TRUST
@JOBS
@JSON
@common
def rebuild(
    what: str,
    *,
    statement: Path | None,
    identity_token: str | None,
    trust_config: Path | None,
    keep: Path | None,
    report: Path | None,
    as_json: bool,
    targets: tuple[str, ...],
    source: str,
    host: bool,
    jobs: int,
    unverified: bool,
    **who: Any,
) -> int:
    """Build a release again, elsewhere and from nothing, and compare the bytes: OWNER/REPO@TAG, or a folder with its files.

    It is verified first. Then its manifest is followed.
    The code of the recorded commit runs in the recorded container; with --host on this machine.
    Exit code 0 only if all is identical, or identical but for signatures.
    """
    from coldforge import rebuilding, verifying

    if statement:
        rebuilding.check_identity(identity_token)
    with rebuilding.released(what, verifying.Demand(**who), unverified=unverified) as (dist, repository):
        options = rebuilding.Options(targets=targets, source=source or repository, keep=keep, host=host, jobs=jobs)
        found = rebuilding.rebuild(dist, options)
    rebuilding.tell(found, quiet=as_json, keep=keep)
    if report:
        rebuilding.write_report(found, report)
    if statement:
        rebuilding.attest(found, statement, identity_token=identity_token, trust_config=trust_config)
    if as_json:
        show(found)
    return found.exit_code


@coldforge.command(short_help="Make signed repositories of packages.")
@click.argument("dists", nargs=-1, required=True, metavar="DIST...", type=click.Path(path_type=str))
@click.option("--url", required=True, help="Where the folder will be served, such as https://example.org/packages.")
@click.option("--out", default="repository", show_default=True, type=click.Path(path_type=str), help="The folder to serve.")
@click.option("--name", default="", help="What the repositories are called (default: as before, else the package's name).")
@click.option("--keep", type=click.IntRange(min=0), default=0, metavar="N", help="Keep the N newest releases of each package (0: all).")
@OPENPGP
@RSA
@PASSPHRASE
@JSON
@common
def repo(
    dists: tuple[str, ...],
    *,
    out: str,
    openpgp_key: str | None,
    rsa_key: str | None,
    passphrase_fd: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Turn the packages of releases into signed repositories for apt, dnf, pacman and apk: static files, for any web server.

    DIST is a folder with a manifest, as `build` leaves it or as a release is downloaded; a package is taken only if it is what the
    manifest says. What an earlier run put into the folder stays. Running it again with the same releases changes nothing.
    """
    from coldforge.repo.stage import publish
    from coldforge.sign.keys import given

    keys = given(openpgp_key, rsa_key, passphrase_fd)
    contents = publish([existing(dist) for dist in dists], existing(out), given=keys, **options)
    if as_json:
        show(contents)


@coldforge.command(short_help="Write manifests for winget, Scoop, Chocolatey and Homebrew.")
@DIST
@click.option("--out", default="shops", show_default=True, type=click.Path(path_type=str), help="The folder to write to.")
@click.option("--repo", metavar="OWNER/REPO", default="", help="Where the release is (default: the source's repository).")
@click.option("--tag", default="", help="The release's tag (default: the tag that was built).")
@JSON
@common
def shops(dist: str, *, out: str, repo: str, tag: str, as_json: bool) -> None:
    """Write the manifests of a release for winget, Scoop, Chocolatey and Homebrew, each as its shop takes them; nothing is sent anywhere.

    DIST is a folder that `build` left, with nsis, msi or zip for Windows, or dmg, app.zip or tar.gz for macOS.
    The addresses in them are those of the release on GitHub.
    """
    from coldforge.shops.stage import write

    written = write(existing(dist), existing(out), repo=repo, tag=tag)
    if as_json:
        show(written)


@coldforge.command(short_help="Show what is in a package, a program or a tree.")
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--ca",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Certificates in PEM: tell whether the signature of a program for Windows, and its timestamp, lead to one of them.",
)
@JSON
@common
def inspect(file: Path, *, ca: Path | None, as_json: bool) -> None:
    """Show what is in an artifact, a frozen tree, its index or a manifest: parts, floor, libraries, files."""
    from coldforge import showing

    document = showing.inspect_file(file, quiet=as_json, authorities=ca)
    if as_json:
        show(document)


@coldforge.command(short_help="Check what a plan needs of this machine.")
@PROJECT
@CONFIG
@click.option("--release", is_flag=True, help="Ask GitHub too whether it would take the release. Needs GITHUB_TOKEN.")
@API
@JSON
@common
def doctor(project: str, *, config: str, release: bool, api_url: str | None, as_json: bool) -> int:
    """Check every tool, engine and credential that PROJECT's plan needs; each with the command that gets it."""
    from coldforge import doctor as checks

    findings = checks.examine(existing(project), release=release, api_url=api_url, config=config)
    checks.report(findings, quiet=as_json)
    if as_json:
        show(findings)
    return checks.exit_code(findings)


@coldforge.command()
@click.argument("name", required=False, metavar="[config|matrix|plan|payload|manifest|predicate|policy|verdict|rebuild]")
@common
def schema(name: str | None) -> None:
    """Print the JSON Schema of one document, or of all."""
    from coldforge import showing

    show(showing.schema(name))


@coldforge.group(short_help="Show or empty the cache.")
def cache() -> None:
    """Show or empty the cache of environments, payloads and artifacts."""


@cache.command("show")
@JSON
@common
def cache_show(*, as_json: bool) -> None:
    """What is cached, and how much it weighs."""
    from coldforge import showing

    document = showing.cache_entries(quiet=as_json)
    if as_json:
        show(document)


@cache.command("prune")
@common
def cache_prune() -> None:
    """Empty the cache."""
    from coldforge import showing

    showing.cache_prune()
