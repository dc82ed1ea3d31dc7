"""What `verify` and `policy init` do: a release is fetched where it is not at hand, judged, and the verdict told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from coldforge.errors import ConfigurationError, Refused
from coldforge.host import files
from coldforge.records import ATTESTATIONS, BUNDLE_SUFFIX, MANIFEST
from coldforge.report import reporter
from coldforge.report.reporter import printable

if TYPE_CHECKING:
    from coldforge.verify.policy import Policy
    from coldforge.verify.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Who must have signed a release, what is trusted for it, and where it is asked for when it is not here."""

    policy: Path | None = None
    repo: str | None = None
    tag: str | None = None
    certificate_identity: str | None = None
    certificate_oidc_issuer: str | None = None
    key: Path | None = None
    trusted_root: Path | None = None
    api_url: str | None = None


def verify(
    what: str,
    who: Demand,
    *,
    offline: bool = False,
    bundle: Path | None = None,
    rebuilds: Sequence[str] = (),
    installed: str | None = None,
    quiet: bool = False,
) -> Verdict:
    """Check a folder, a release `owner/repo@tag`, one file with its bundle, or what is `installed` of one.

    For a folder the network is used for addresses in `rebuilds`, and for nothing else.
    """
    from coldforge.verify import rebuilders
    from coldforge.verify import release as checks

    path, root = Path(what), who.trusted_root
    remote, demanded = chosen(what, who)
    if remote and offline:
        raise ConfigurationError(f"{what} is not a folder, and --offline forbids to download it", hint="Download it first.")
    said = tuple(rebuilders.texts(rebuilds, offline=offline))
    with ExitStack() as stack:
        recorded: Mapping[str, Sequence[str]] = {}
        if remote:
            path, recorded = stack.enter_context(downloaded(remote, api_url=who.api_url, evidence_only=bool(installed)))
        if installed:
            from coldforge.verify.installed import verify_installed

            verdict = verify_installed(path, installed, policy=demanded, trusted_root=root, recorded=recorded)
        elif bundle is not None or path.is_file():
            verdict = checks.verify_file(path, bundle=bundle, policy=demanded, trusted_root=root, rebuilds=said)
        else:
            verdict = checks.verify_folder(path, policy=demanded, trusted_root=root, rebuilds=said, recorded=recorded)
    if not quiet:
        reporter().table(verdict.table())
        for note in verdict.notes:
            reporter().info(printable(note))
        for command in verdict.commands:
            reporter().info(f"To check this with other tools: {command}")
    if verdict.exit_code:
        reporter().error(Refused(verdict.line))
    else:
        reporter().info(verdict.line)
    reporter().output("verdict", verdict.word)
    return verdict


def chosen(what: str, who: Demand) -> tuple[tuple[str, str] | None, Policy | None]:
    """Where a release is, if that is not here (repository and tag), and who must have signed it, if anybody said so.

    What the release is called by demands as much as options do. Raises ConfigurationError for what contradicts itself.
    """
    from coldforge.verify.policy import choose

    remote = None if Path(what).exists() else remote_of(what)
    repository, named = remote or (None, None)
    return remote, choose(
        who.policy,
        repository=who.repo or repository,
        tag=who.tag or named,
        identity=who.certificate_identity,
        issuer=who.certificate_oidc_issuer,
        key=who.key,
    )


def policy_init(folder: Path, out: Path, *, trusted_root: Path | None) -> None:
    """Write a policy file from a release. Raises ConfigurationError when there is one already."""
    from coldforge.verify.release import write_policy

    if out.exists():
        raise ConfigurationError(f"there is a policy {out} already", hint="Remove it first, or give another name with --out.")
    text = write_policy(folder, trusted_root=trusted_root)
    files.write(out, text.encode())
    reporter().info(text)
    reporter().info(f"{out} is written: read it, and commit it or hand it out with the release.")


def remote_of(what: str) -> tuple[str, str]:
    """Repository and tag of `owner/repo@tag`. Raises ConfigurationError."""
    repository, separator, tag = what.partition("@")
    if not separator or repository.count("/") != 1 or not tag:
        raise ConfigurationError(f"{what} is neither a file, nor a folder, nor OWNER/REPO@TAG")
    return repository, tag


@contextmanager
def downloaded(
    remote: tuple[str, str], *, api_url: str | None, evidence_only: bool = False
) -> Iterator[tuple[Path, Mapping[str, Sequence[str]]]]:
    """The assets of a release, by repository and tag, in a folder that is there as long as the block, and what GitHub has recorded of it.

    Nothing of it is trusted yet.
    """
    from coldforge.release.download import download_release
    from coldforge.release.publication import recorded

    with files.scratch("release") as folder:
        with reporter().step(f"download {remote[0]}@{remote[1]}"):
            download_release(*remote, folder, api_url=api_url, only=_is_evidence if evidence_only else None)
            found = recorded(folder, remote[0], api_url=api_url)
        yield folder, found


def _is_evidence(name: str) -> bool:
    """Whether a file of a release is one of those that tell of the others."""
    return name.endswith(BUNDLE_SUFFIX) or name in (ATTESTATIONS, MANIFEST)
