"""What a project gives to every Linux package by itself: files, units of systemd, completions for shells. And that nothing clashes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from coldforge.bundle.tree import Node
from coldforge.errors import ConfigurationError, Location, Problem
from coldforge.host import files
from coldforge.plan.model import Plan
from coldforge.project.config import Product
from coldforge.project.linux import LinuxConfig, given
from coldforge.project.load import configured_in
from coldforge.project.locate import find

SYSTEM_UNITS: Final = "usr/lib/systemd/system"
USER_UNITS: Final = "usr/lib/systemd/user"
_COMPLETIONS: Final = {
    "{name}.bash": "usr/share/bash-completion/completions/{name}",
    "_{name}": "usr/share/zsh/{zsh}/_{name}",
    "{name}.fish": "usr/share/fish/vendor_completions.d/{name}.fish",
}


def nodes(project: Path, config: LinuxConfig) -> Iterator[Node]:
    """What the configuration names, with modes, links and empty folders as the project has them; configuration files are marked."""
    for path, source, _ in given(project, config.files):
        if path != "/":
            yield _node(path.removeprefix("/"), source)
    for folder, units in ((SYSTEM_UNITS, config.units), (USER_UNITS, config.user_units)):
        yield from (_node(f"{folder}/{Path(unit).name}", project / unit, mode=0o644) for unit in units)


def _node(path: str, source: Path, *, mode: int = 0) -> Node:
    """A link is taken as it is; only the owner's right to execute counts of a file's mode, as for git."""
    if source.is_symlink():
        return Node(path=path, mode=0o777, link=source.readlink().as_posix())
    if source.is_dir():
        return Node(path=path, mode=0o755)
    state = source.stat()
    own = 0o755 if state.st_mode & 0o100 else 0o644
    return Node(path=path, mode=mode or own, size=state.st_size, source=source, config=path.startswith("etc/"))


def completions(product: Product, project: Path, *, zsh: str = "site-functions") -> Iterator[tuple[str, bytes]]:
    """Those of `completions/` in the project: `demo.bash`, `_demo` for zsh, `demo.fish`. Each shell has one folder, zsh one a family."""
    for executable in product.executables:
        for name, path in _COMPLETIONS.items():
            own = project / "completions" / name.format(name=executable.name)
            if own.is_file():
                yield path.format(name=executable.name, zsh=zsh), own.read_bytes()


def sources(product: Product, project: Path, config: LinuxConfig) -> Iterator[tuple[str, Path]]:
    """Every file of the project that is read here, by the path that says what it is for."""
    yield from ((path, source) for path, source, _ in given(project, config.files))
    scripts = (getattr(config.scripts, name) for name in config.scripts.__struct_fields__)
    for name in (*config.units, *config.user_units, *filter(None, scripts)):
        yield name, project / name
    for executable in product.executables:
        yield from ((own, project / "completions" / own) for own in (name.format(name=executable.name) for name in _COMPLETIONS))


def digest(source: Path) -> str:
    """What a source brings into a package: its bytes and its right to be executed, where a link leads, or that it is a folder."""
    if source.is_symlink():
        return f"-> {source.readlink().as_posix()}"
    if source.is_dir():
        return "/"
    return f"{source.stat().st_mode & 0o100:o} {files.sha256(source)}" if source.is_file() else ""


def refuse_clashes(own: Iterable[Node], others: Iterable[Node], project: Path, plan: Plan) -> None:
    """Raises ConfigurationError when something that the project gives would be in the place of something else that is installed."""
    there = {node.path: node for node in others}
    problems = []
    for node in sorted(own, key=lambda node: node.path):
        other = there.get(node.path)
        parent = next((path for path in _parents(node.path) if path in there and not there[path].is_directory), "")
        if parent or (other and not (other.is_directory and node.is_directory)):
            what = f"would lie in /{parent}, which is no folder" if parent else "is installed already, from elsewhere"
            problems.append(
                Problem(what=f"/{node.path} {what}", where=_where(project, plan, node.path), hint="install it in another place")
            )
        there.setdefault(node.path, node)
    if problems:
        raise ConfigurationError("files of the packages would clash", problems=tuple(problems))


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")
    yield from ("/".join(parts[:length]) for length in range(1, len(parts)))


def _where(project: Path, plan: Plan, path: str) -> Location:
    """The key that installs a path: the longest that it starts with."""
    keys = [key for key in plan.config.linux.files if f"/{path}".startswith(key.rstrip("/") + "/") or f"/{path}" == key]
    below = ("files", max(keys, key=len)) if keys else ("units",) if path.startswith(SYSTEM_UNITS) else ("user-units",)
    file, top = configured_in(project, plan.source.config)
    return find(file, (*top, "linux", *below))
