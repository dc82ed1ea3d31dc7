"""The locked environment: which distributions, enforced by hash, and how a workshop installs them. uv does the work."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from coldforge import recipes
from coldforge.errors import BuildFailed, ConfigurationError, Location, Problem, Refused
from coldforge.freeze import Workshop
from coldforge.freeze.interpreter import find_python
from coldforge.host import files
from coldforge.host.clock import iso
from coldforge.host.run import run
from coldforge.project.config import EnvironmentConfig
from coldforge.records import Distribution
from coldforge.report import reporter

FREEZER_LOCK: Final = "build/requirements/pyinstaller.txt"
_PIN: Final = re.compile(
    r"^(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*==\s*(?P<version>[^\s;\\]+)\s*(?:;(?P<marker>[^\\]*))?", re.MULTILINE
)
_HASH: Final = re.compile(r"--hash=(\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The application's distributions, as requirements with hashes.

    `name` is the file that it came from, or `resolved`; `text` is what the installer is given.
    """

    name: str
    sha256: str
    text: str

    @property
    def resolved(self) -> str:
        """The whole text when it was resolved now and stands nowhere else."""
        return self.text if self.name == "resolved" else ""


def uv() -> str:
    """The uv that came with coldforge."""
    from uv import find_uv_bin

    return str(find_uv_bin())


def find_lock(project: Path, config: EnvironmentConfig) -> Path | None:
    """The project's lock: the configured one, else the first of the usual names (a requirements.txt only with hashes)."""
    if config.lock:
        return project / config.lock
    for name in ("uv.lock", "pylock.toml", "requirements.txt"):
        path = project / name
        if path.is_file() and (name != "requirements.txt" or "--hash=" in path.read_text(encoding="utf-8")):
            return path
    return None


def read_lock(project: Path, config: EnvironmentConfig, *, epoch: int, python: str) -> Lock:
    """The environment that the project's lock describes; without one, resolved as of `epoch` for Python `python`.

    Raises ConfigurationError when the lock does not match the project, BuildFailed when nothing could be resolved.
    """
    path = find_lock(project, config)
    if path is None:
        return _resolve(project, config, epoch=epoch, python=python)
    if path.name == "uv.lock":
        text = _export(project, config, path)
    elif path.suffix == ".toml":
        text = "\n".join(_from_pylock(path)) + "\n"
    else:
        text = path.read_text(encoding="utf-8")
        _check_hashes(path, text)
    _check_complete(project, config, path, text)
    return Lock(name=path.relative_to(project).as_posix(), sha256=files.sha256(path), text=text)


def _selection(config: EnvironmentConfig) -> list[str]:
    return [*(f"--extra={extra}" for extra in config.extras), *(f"--group={group}" for group in config.groups)]


def _export(project: Path, config: EnvironmentConfig, path: Path) -> str:
    words = [
        uv(),
        "export",
        "--quiet",
        "--project",
        str(project),
        "--format",
        "requirements-txt",
        "--no-emit-project",
        "--no-default-groups",
    ]
    done = run([*words, "--locked", "--no-header", "--no-annotate", "--offline", *_selection(config)], check=False)
    if done.code:
        message = f"{path.name} does not match the project"
        raise ConfigurationError(message, why=done.output[-800:], hint="Run `uv lock` and commit the result.", where=Location(path))
    return done.output + "\n"


def _from_pylock(path: Path) -> Iterator[str]:
    """The requirements of a PEP 751 lock."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    for package in document.get("packages", ()):
        dists: list[dict[str, Any]] = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
        hashes = sorted({f"--hash=sha256:{dist['hashes']['sha256']}" for dist in dists if "sha256" in dist.get("hashes", {})})
        if "version" not in package or not hashes:
            message = f"{package.get('name')} has no version or no hash"
            raise ConfigurationError(message, where=Location(path), hint="Only released distributions with hashes can be enforced.")
        marker = f" ; {package['marker']}" if package.get("marker") else ""
        yield " ".join([f"{package['name']}=={package['version']}{marker}", *hashes])


def _check_hashes(path: Path, text: str) -> None:
    joined = text.replace("\\\n", " ")
    problems = tuple(
        Problem(what=f"no hash: {line.split('#')[0].strip()[:80]}", where=Location(path, number))
        for number, line in enumerate(joined.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith(("#", "-")) and "--hash=" not in line
    )
    if problems:
        hint = f"uv pip compile --universal --generate-hashes pyproject.toml -o {path.name}"
        raise ConfigurationError(f"{path.name} cannot be enforced: it has requirements without a hash", problems=problems, hint=hint)


def _check_complete(project: Path, config: EnvironmentConfig, path: Path, text: str) -> None:
    """Every declared dependency must be in the lock, in a version that the project allows."""
    from packaging.requirements import InvalidRequirement, Requirement

    locked = {dist.name: dist.version for dist in pins(text)}
    problems = []
    for declared in _declared(project, config):
        try:
            requirement = Requirement(declared)
        except InvalidRequirement:
            problems.append(Problem(what=f"{declared!r} is not a requirement", where=Location(project / "pyproject.toml")))
            continue
        name = normalised(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        if name not in locked:
            problems.append(Problem(what=f"{requirement} is required by the project but not locked", where=Location(path)))
        elif not requirement.specifier.contains(locked[name], prereleases=True):
            problems.append(Problem(what=f"{name} {locked[name]} is locked, the project requires {requirement}", where=Location(path)))
    if problems:
        fix = "uv lock" if path.name == "uv.lock" else f"uv pip compile --universal --generate-hashes pyproject.toml -o {path.name}"
        raise ConfigurationError(f"{path.name} does not match the project", problems=tuple(problems), hint=f"Update it: {fix}")


def _declared(project: Path, config: EnvironmentConfig) -> list[str]:
    pyproject = project / "pyproject.toml"
    table = tomllib.loads(pyproject.read_text(encoding="utf-8")).get("project", {}) if pyproject.is_file() else {}
    optional = table.get("optional-dependencies", {})
    return [*table.get("dependencies", ()), *(item for extra in config.extras for item in optional.get(extra, ()))]


def _resolve(project: Path, config: EnvironmentConfig, *, epoch: int, python: str) -> Lock:
    """Versions as they were at the commit's time, so that the same commit gives the same environment next year."""
    words = [uv(), "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate", "--python-version", python]
    words += [*_selection(config), str(project / "pyproject.toml")]
    with reporter().step("resolve the environment (there is no lock)"):
        done = run([*words, "--exclude-newer", iso(epoch)], check=False, env=None)
        if done.code and "exclude-newer" in done.output:
            reporter().warn("the package index tells no upload times; resolved as of now instead of the commit's time")
            done = run(words, check=False)
    if done.code:
        raise BuildFailed("the project's dependencies could not be resolved", why=done.output[-1500:], hint=f"As of {iso(epoch)}.")
    hint = "uv pip compile --universal --generate-hashes pyproject.toml -o requirements.txt"
    reporter().warn(f"there is no lock: the environment was resolved as of {iso(epoch)} and is recorded in the manifest. Keep it: {hint}")
    text = done.output + "\n"
    return Lock(name="resolved", sha256=hashlib.sha256(text.encode()).hexdigest(), text=text)


def normalised(name: str) -> str:
    """A distribution's name as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> tuple[Distribution, ...]:
    """The pinned distributions of a requirements text, with the hashes that are allowed."""
    joined = re.sub(r"\\\n\s*", " ", text)
    found = []
    for line in joined.splitlines():
        if match := _PIN.match(line.strip()):
            hashes = tuple(sorted(_HASH.findall(line)))
            found.append(Distribution(name=normalised(match["name"]), version=match["version"], hashes=hashes))
    return tuple(sorted(found, key=lambda dist: (dist.name, dist.version)))


def freezer_lock(application: Lock, project: Path) -> str:
    """PyInstaller's own distributions, without those that the application locks itself: its versions win."""
    taken = {dist.name for dist in pins(application.text)}
    text = re.sub(r"\\\n\s*", " ", recipes.find(FREEZER_LOCK, project).read_text(encoding="utf-8"))
    kept = []
    for line in text.splitlines():
        match = _PIN.match(line.strip())
        if match and normalised(match["name"]) not in taken:
            kept.append(line.strip())
    return "\n".join(kept) + "\n"


def install(workshop: Workshop, *, python: str, lock: Lock, freezer: str, config: EnvironmentConfig, scratch: Path, log: Path) -> None:
    """Make `environment` in the workshop: the application's distributions, then the freezer's. Hashes are enforced.

    Raises Refused when a distribution is not the locked one, BuildFailed for anything else.
    """
    (scratch / "application.txt").write_text(lock.text, encoding="utf-8")
    (scratch / "freezer.txt").write_text(freezer, encoding="utf-8")
    for name in ("application.txt", "freezer.txt"):
        workshop.put(scratch / name, f"locks/{name}")
    tool = put_uv(workshop)
    environment = workshop.path("environment")
    interpreter = f"{environment}/bin/python"
    _uv(workshop, [tool, "venv", "--quiet", "--python", python, environment], log)
    allowed = {normalised(name) for name in config.allow_sdists}
    # `:all:` would also refuse what was allowed: then every other distribution is named
    only = [word for dist in pins(lock.text + freezer) if dist.name not in allowed for word in ("--only-binary", dist.name)]
    only = only if allowed else ["--only-binary", ":all:"]
    for name in ("application.txt", "freezer.txt"):
        words = [tool, "pip", "install", "--quiet", "--python", interpreter, "--require-hashes", "--no-deps", "--link-mode", "copy"]
        _uv(workshop, [*words, *only, "--requirement", workshop.path(f"locks/{name}")], log)


def put_uv(workshop: Workshop) -> str:
    """The path of uv in the workshop."""
    if not workshop.uv_needed:
        return uv()
    workshop.put(Path(uv()), "tools/uv")
    return workshop.path("tools/uv")


def install_project(workshop: Workshop, *, tool: str, python: str, log: Path) -> None:
    """Build the project's wheel from the copied source, with its own backend, and unpack it into `application`."""
    source, target = workshop.path("source"), workshop.path("application")
    words = [
        tool,
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        "--no-deps",
        "--link-mode",
        "copy",
        "--no-cache",
        "--target",
        target,
        source,
    ]
    _uv(workshop, words, log)


def _uv(workshop: Workshop, words: Sequence[str], log: Path) -> None:
    quiet = {"UV_NO_PROGRESS": "1", "UV_NO_CONFIG_WARNINGS": "1", "NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "automatic"}
    try:
        workshop.run(words, env=quiet, network=True, log=log)
    except BuildFailed as error:
        if "hash mismatch" in error.why.lower():
            hint = "Either the file was replaced on the index or the lock is wrong. Find out which before you change the lock."
            raise Refused("a distribution is not the one that the lock names", why=error.why, hint=hint) from error
        raise


def host_interpreter(project: Path) -> str:
    """The interpreter that a freeze on this host would use, for people. Raises Missing."""
    from coldforge.project.load import load_project

    try:
        loaded = load_project(project)
        found = find_python(loaded.config.environment.python, loaded.product.requires_python)
    except ConfigurationError:
        found = find_python("", "")
    return f"{found.path} ({found.version})"
