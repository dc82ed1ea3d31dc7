"""The bundle stage: every format of a target, side by side, each only if its inputs have changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from coldforge import recipes
from coldforge.bundle import BundleJob, Bundler, icons
from coldforge.bundle.formats import BUNDLERS
from coldforge.bundle.linux import documents, given
from coldforge.bundle.tree import Tree, load
from coldforge.errors import ConfigurationError
from coldforge.host import cache, files
from coldforge.host.clock import now
from coldforge.host.toolbox import HOST, Tools
from coldforge.plan.formats import FORMATS
from coldforge.plan.model import Plan, PlannedTarget
from coldforge.project import dmg, pkg
from coldforge.records import MANIFEST, TREE, Artifact, Manifest, Payload, digest_of, read
from coldforge.report import reporter

VERSION: Final = 7  # of what the bundlers write: raised when the same inputs give other bytes

_PACKAGES: Final = "linux"  # the table that all formats read which are installed with what belongs to a system
_DRAWS: Final = "icon"  # the key that all formats read which hand out icons of every size


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """One artifact to be made: by what, and under which digest of its inputs."""

    job: BundleJob
    bundler: Bundler
    key: str

    @property
    def name(self) -> str:
        """What the artifact is called."""
        return self.job.artifact.name

    @property
    def origin(self) -> str:
        """The format of the artifact whose bytes it is about; empty when it is made from the payload alone."""
        return FORMATS[self.job.artifact.format].of

    @property
    def path(self) -> Path:
        """Where it will lie."""
        return self.job.folder / self.name


def bundle_target(
    plan: Plan,
    target: PlannedTarget,
    payload: Payload,
    *,
    project: Path,
    out: Path,
    asked: Collection[str] | None = None,
    carried: Mapping[str, Mapping[str, Path]] | None = None,
    jobs: int = 0,
    clean: bool = False,
    tools: Tools = HOST,
    seconds: dict[str, float] | None = None,
) -> tuple[Artifact, ...]:
    """Make the planned artifacts of one target in `out/<target>/`; those that are there already stay as they are.

    Of artifacts that are not `asked` for by name (None: all are), those count that an earlier run made from the same
    inputs. `carried` are the signed programs that go into packages, by format and name. `jobs` is how many are made at a time, 0 one
    for each processor; `tools` are the programs of other projects. `seconds` is filled with the time that each one took, by its path.
    Raises Refused when the payload has changed since it was frozen, ConfigurationError for a template that cannot be filled in,
    BuildFailed and Missing from the tools.
    """
    folder = out / target.target
    before = {artifact.name: artifact for artifact in _before(folder)}
    job = partial(BundleJob, project=project, plan=plan, target=target, payload=payload, folder=folder, tools=tools)
    pieces = _pieces(job(artifact=planned, carried=(carried or {}).get(planned.format, {})) for planned in target.artifacts)
    wanted = _with_origins(pieces, {piece.name for piece in pieces if asked is None or piece.name in asked})
    made = {piece.name: kept for piece in pieces if not (clean and piece.name in wanted) and (kept := _kept(piece, before))}
    wanted = _with_origins(pieces, wanted | (stale := _stale(pieces, made)))
    made = {name: kept for name, kept in made.items() if name not in stale}
    made |= {} if clean else {p.name: kept for p in pieces if p.name in wanted - made.keys() and (kept := _cached(p))}
    if todo := [piece for piece in pieces if piece.name in wanted - made.keys()]:
        workers = jobs or os.cpu_count() or 1
        digests = {name for piece in todo for name in piece.bundler.digests}
        tree = load(payload, folder / TREE, plan.source.epoch, jobs=workers, digests=sorted(digests))
        with ThreadPoolExecutor(max_workers=workers) as pool:
            for wave in _waves(todo):
                done = pool.map(lambda piece: _make(piece, tree, {} if seconds is None else seconds), wave)
                made |= {artifact.name: artifact for artifact in done}
    else:
        reporter().info("Nothing has changed.")
    return tuple(made[name] for name in sorted(made))


def _with_origins(pieces: Sequence[_Piece], wanted: set[str]) -> set[str]:
    """What is wanted, and what that is made from: it must be of the same inputs."""
    origins = {piece.origin for piece in pieces if piece.name in wanted}
    return wanted | {piece.name for piece in pieces if piece.job.artifact.format in origins}


def _stale(pieces: Sequence[_Piece], made: Collection[str]) -> set[str]:
    """What is there, but is about another artifact's bytes that are not: these may have had a signature that they will not have."""
    gone = {piece.job.artifact.format for piece in pieces if piece.name not in made}
    return {piece.name for piece in pieces if piece.name in made and piece.origin in gone}


def _waves(pieces: Sequence[_Piece]) -> tuple[list[_Piece], list[_Piece]]:
    """The pieces in the order in which they can be made: those that are made from others' bytes come after them."""
    later = [piece for piece in pieces if piece.origin]
    return [piece for piece in pieces if piece not in later], later


def _before(folder: Path) -> tuple[Artifact, ...]:
    if not (folder / MANIFEST).is_file():
        return ()
    try:
        return read(folder / MANIFEST, Manifest).artifacts
    except ConfigurationError:  # written by another version: everything is made anew
        return ()


def _pieces(jobs: Iterable[BundleJob]) -> list[_Piece]:
    found = [(job, BUNDLERS[job.artifact.format]()) for job in jobs]
    return [_Piece(job=job, bundler=bundler, key=_key(job, bundler)) for job, bundler in found]


def _key(job: BundleJob, bundler: Bundler) -> str:
    """The digest of everything that decides the artifact's bytes."""
    payload = {
        "payload": job.payload.digest,
        "sealed": msgspec.to_builtins(job.payload.sealed),
        "ticket": job.payload.notarization.ticket if job.payload.notarization else "",
        "needs": job.payload.needs,
        "floor": [job.payload.glibc_floor, job.payload.macos_floor, job.target.floor],
    }
    return digest_of({**inputs(job, bundler), **payload, "contents": _contents(job) if job.artifact.format == "sbom" else []})


def inputs(job: BundleJob, bundler: Bundler) -> dict[str, Any]:
    """All but the payload that decides an artifact's bytes, as plain values for a digest."""
    product = job.plan.product
    templates = [recipes.find(name, job.project) for name in bundler.templates]
    return {
        "version": VERSION,
        "artifact": job.artifact,
        "target": job.target.target,
        "product": msgspec.to_builtins(product),
        "config": {name: msgspec.to_builtins(getattr(job.plan.config, name)) for name in bundler.settings},
        "files": list(_sources(job, bundler)),
        "templates": list(_digests(templates)),
        "carried": dict(zip(job.carried, _digests(list(job.carried.values())), strict=True)),
        "epoch": job.plan.source.epoch,
        "tool": _tool(job, bundler),
        "toolbox": job.tools.identity if FORMATS[job.artifact.format].programs else "",
    }


def _sources(job: BundleJob, bundler: Bundler) -> Iterator[tuple[str, str]]:
    """The files of the project that are read: each with its digest, or what it is otherwise."""
    product = job.plan.product
    names = [*icons.sources(product), *product.license_files, *(f"man/{executable.name}.1" for executable in product.executables)]
    yield from zip(names, _digests([job.project / name for name in names]), strict=True)
    shown = {dmg.TABLE: dmg.sources(job.plan.config.dmg), pkg.TABLE: pkg.sources(job.plan.config.pkg)}
    for named in (shown[table] for table in shown if table in bundler.settings):
        yield from zip(named, _digests([job.project / name for name in named]), strict=True)
    if _PACKAGES in bundler.settings:
        yield from ((path, given.digest(source)) for path, source in given.sources(product, job.project, job.plan.config.linux))
    if documents.MANUAL in bundler.templates and (news := documents.news_file(job.project)):
        yield news, files.sha256(job.project / news)


def _tool(job: BundleJob, bundler: Bundler) -> str:
    """What writes the bytes: programs of others, what is ours, and what draws icons for it."""
    draws = _DRAWS in bundler.settings and icons.sources(job.plan.product)
    others = map(job.tools.version, FORMATS[job.artifact.format].programs)
    return "; ".join(filter(None, [*others, bundler.tool(), icons.tool() if draws else ""]))


def _programs(job: BundleJob) -> dict[str, str]:
    """Others' programs by name and version, with the digests of their files, unless they are in an image."""
    found = {job.tools.version(name): job.tools.sha256(name) for name in FORMATS[job.artifact.format].programs}
    return {said: sha256 for said, sha256 in found.items() if sha256}


def _contents(job: BundleJob) -> Any:
    """What is known of a payload and its source besides their bytes."""
    return msgspec.to_builtins([job.payload.components, job.payload.environment, job.plan.source])


def _digests(paths: list[Path]) -> Iterator[str]:
    yield from (files.sha256(path) if path.is_file() else "" for path in paths)


def _kept(piece: _Piece, before: dict[str, Artifact]) -> Artifact | None:
    """The artifact that is there already, if it was made from the same inputs and is whole."""
    known = before.get(piece.name)
    if known is None or known.key != piece.key or piece.path.is_symlink() or not piece.path.is_file():
        return None
    return known if piece.path.stat().st_size == known.size and files.sha256(piece.path) == known.sha256 else None


def _cached(piece: _Piece) -> Artifact | None:
    """The artifact from the cache. What is about another's bytes is in no cache: they may be signed by now, which no key tells."""
    cached = None if piece.origin else cache.fetch("artifact", _kept_under(piece))
    if cached is None:
        return None
    with files.beside(piece.path) as temporary:
        shutil.copy(cached, temporary)
    return _record(piece)


def _kept_under(piece: _Piece) -> str:
    """The key in the cache, which knows nothing but bytes: what other programs made is not said to be of these, though it is the same."""
    return digest_of([piece.key, _programs(piece.job)])


def _make(piece: _Piece, tree: Tree, seconds: dict[str, float]) -> Artifact:
    start = now()
    with files.beside(piece.path) as temporary:
        piece.bundler.bundle(piece.job, tree, temporary)
    artifact = _record(piece)
    if not piece.origin:
        cache.store("artifact", _kept_under(piece), piece.path, sha256=artifact.sha256)
    seconds[artifact.path] = now() - start
    reporter().detail(f"{artifact.name}: {artifact.size:,} bytes")
    return artifact


def _record(piece: _Piece) -> Artifact:
    planned, target = piece.job.artifact, piece.job.target.target
    return Artifact(
        name=planned.name,
        path=f"{target}/{planned.name}",
        target=target,
        format=planned.format,
        size=piece.path.stat().st_size,
        sha256=files.sha256(piece.path),
        tool=_tool(piece.job, piece.bundler),
        programs=_programs(piece.job),
        key=piece.key,
    )
