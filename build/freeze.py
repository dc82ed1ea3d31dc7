"""Freezes an application: run by the frozen environment's own Python, on the host or in a container.

    python freeze.py JOB.json

Needs PyInstaller and the standard library, nothing of coldforge. Reads the job, generates a spec,
runs PyInstaller once for the tree and the one-file programs together, and writes `result.json`:
where every file comes from, every warning as data, and what Python and system this was.
The job's keys are those of `Job` below.
"""

from __future__ import annotations

import ast
import dis
import hashlib
import json
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import Distribution, PathDistribution, distributions
from pathlib import Path
from types import CodeType
from typing import Any, TypedDict

ORIGINALS = "originals.json"
TREE = "coldforge-payload"  # no executable is called that
NOT_PACKAGED = ("..", "bin", "Scripts")  # console-script wrappers: they hold the path of the interpreter that they were made for
# What the installer of a wheel left: pip and uv leave different things, none of it belongs to the application.
INSTALLER_TRACES = frozenset({"INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"})


class Job(TypedDict):
    """What coldforge asks for. All paths are absolute."""

    application: str
    executables: list[dict[str, Any]]
    options: dict[str, Any]
    onefile: bool
    freezer: list[str]
    hooks: list[str]
    source: str
    work: str
    out: str


def main() -> int:
    job: Job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    failures = [failure for executable in job["executables"] for failure in import_failure(executable["entry"])]
    warnings: list[dict[str, str]] = []
    origins: dict[str, dict[str, str]] = {}
    if not failures:
        warnings = freeze(job)
        origins = dict(origins_of(job))
    result = {"failures": failures, "warnings": warnings, "origins": origins, "python": python_facts(), "system": system_facts()}
    result["distributions"] = sorted((dist.name, dist.version) for dist in distributions())
    out = Path(job["out"])
    out.mkdir(parents=True, exist_ok=True)
    (out / "result.json").write_text(json.dumps(result, sort_keys=True), encoding="utf-8")
    return 0


def import_failure(entry: str) -> Iterator[dict[str, str]]:
    """What the user would see at the first start, seen before minutes are spent: the entry point cannot be imported."""
    module, _, function = entry.partition(":")
    code = f"import functools, importlib; functools.reduce(getattr, {function.split('.')!r}, importlib.import_module({module!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        yield {"entry": entry, "error": "\n".join(done.stderr.strip().splitlines()[-8:])}


def freeze(job: Job) -> list[dict[str, str]]:
    """Run PyInstaller on a generated spec; the tree comes to `out/payload`, one-file programs to `out/onefile`."""
    import PyInstaller.__main__ as pyinstaller

    work = Path(job["work"])
    work.mkdir(parents=True, exist_ok=True)
    scripts = [write_script(work, executable) for executable in job["executables"]]
    spec = work / "product.spec"
    spec.write_text(spec_text(job, scripts), encoding="utf-8")
    collector = Collector()
    logging.getLogger("PyInstaller").addHandler(collector)
    make_reproducible()
    do_without_binutils()
    do_without_cross_reference()
    walk_only_what_imports()
    made, out = work / "made", Path(job["out"])
    words = ["--noconfirm", "--clean", "--log-level", "INFO", "--distpath", str(made), "--workpath", str(work / "build"), str(spec)]
    pyinstaller.run(words)
    (out / "onefile").mkdir(parents=True, exist_ok=True)
    (made / TREE).rename(out / "payload")
    for executable in job["executables"] if job["onefile"] else ():
        (made / executable["name"]).rename(out / "onefile" / executable["name"])
    return collector.found


def write_script(work: Path, executable: Mapping[str, Any]) -> Path:
    """The script that the boot loader runs: what a console-script wrapper does, after multiprocessing's own duty."""
    module, _, function = executable["entry"].partition(":")
    # no module can be called `start-…`: a script named like its package would hide the package
    script = work / "scripts" / f"start-{executable['name']}.py"
    script.parent.mkdir(exist_ok=True)
    script.write_text(
        "import multiprocessing\nimport sys\n\n"
        f"from {module} import {function.partition('.')[0]}\n\n"
        f'if __name__ == "__main__":\n    multiprocessing.freeze_support()\n    sys.exit({function}())\n',
        encoding="utf-8",
    )
    return script


def spec_text(job: Job, scripts: Sequence[Path]) -> str:
    """The spec: one analysis of all entry scripts, one archive of modules, one tree, and when asked one one-file program a script."""
    options = job["options"]
    modules, data = application_files(job["application"])
    hidden = sorted({*modules, *declared_modules(job["application"]), *options["hidden-imports"]})
    launchers = [
        (script.stem, executable["name"], bool(executable["console"]))
        for script, executable in zip(scripts, job["executables"], strict=True)
    ]
    lines = [
        "from PyInstaller.utils.hooks import collect_all, collect_data_files, collect_submodules, copy_metadata",
        f"datas = {data!r} + {add_data(job)!r}",
        f"binaries, hidden = [], {hidden!r}",
        f"for package in {options['collect-all']!r}:",
        "    more = collect_all(package)",
        "    datas, binaries, hidden = datas + more[0], binaries + more[1], hidden + more[2]",
        f"for package in {options['collect-data']!r}:",
        "    datas += collect_data_files(package)",
        f"for package in {options['collect-submodules']!r}:",
        "    hidden += collect_submodules(package)",
        f"for name in {options['copy-metadata']!r}:",
        "    datas += copy_metadata(name)",
        f"hooks = {[*job['hooks'], *(str(Path(job['source']) / hook) for hook in options['runtime-hooks'])]!r}",
        f"analysis = Analysis({[str(script) for script in scripts]!r}, datas=datas, binaries=binaries, hiddenimports=sorted(set(hidden)),",
        f"    runtime_hooks=hooks, excludes={list(options['exclude-modules'])!r}, optimize={options['optimize']!r})",
        "import freeze",
        f"freeze.complete(analysis, {job['application']!r}, {job['freezer']!r}, {job['work']!r})",
        "pyz = PYZ(analysis.pure)",
        f"pyz.dependencies = freeze.without_foreign_folders(pyz.dependencies, {job['work']!r})",
        f"launchers = {launchers!r}",
        "own = [script for script, name, console in launchers]",
        "trees = []",
        "for script, name, console in launchers:",
        "    scripts = [entry for entry in analysis.scripts if entry[0] == script or entry[0] not in own]",
        f"    common = dict(console=console, strip={bool(options['strip'])!r}, upx=False, disable_windowed_traceback=False)",
        *(["    EXE(pyz, scripts, analysis.binaries, analysis.datas, [], name=name, **common)"] if job["onefile"] else []),
        "    trees.append(EXE(pyz, scripts, [], exclude_binaries=True, name=name, **common))",
        f"COLLECT(*trees, analysis.binaries, analysis.datas, name={TREE!r}, strip={bool(options['strip'])!r}, upx=False)",
        "",
    ]
    return "\n".join(lines)


def add_data(job: Job) -> list[tuple[str, str]]:
    """`source:folder` pairs, the source relative to the project."""
    pairs = [text.rpartition(":") for text in job["options"]["add-data"]]
    return [(str(Path(job["source"]) / source), folder) for source, _, folder in pairs]


def application_files(name: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The application's own modules, and its data files with the folders they belong into.

    All of them, because a program may import its own modules by name and open its own data from
    anywhere; what it installs is what it means to ship.
    """
    modules: set[str] = set()
    data: list[tuple[str, str]] = []
    distribution = named(name)
    for file in distribution.files or () if distribution else ():
        path = Path(str(distribution.locate_file(file))) if distribution else Path()
        if file.parts[0] in NOT_PACKAGED or file.parts[0].endswith((".dist-info", ".data")) or "__pycache__" in file.parts:
            continue
        if file.suffix == ".py":
            parts = file.with_suffix("").parts
            modules.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
        elif file.suffix not in (".pyc", ".so", ".pyd", ".pyi", ".pth"):
            data.append((str(path), file.parent.as_posix()))
    return sorted(module for module in modules if all(part.isidentifier() for part in module.split("."))), sorted(data)


def declared_modules(name: str) -> set[str]:
    """The top-level modules of the application's direct dependencies.

    What it declares it uses, if only through a name that no analysis sees (zoneinfo loads tzdata so);
    and PyInstaller's hooks for a package apply only when the package is imported.
    """
    application = named(name)
    declared = {normalised(re.split(r"[^\w.-]", text, maxsplit=1)[0]) for text in (application.requires if application else None) or ()}
    found = {top for dist in distributions() if normalised(dist.name or "") in declared for top in top_level(dist)}
    return {module for module in found if module.isidentifier() and not module.startswith("_")}


def top_level(dist: Distribution) -> Iterator[str]:
    """The importable names at a distribution's top: its packages and single modules."""
    for file in dist.files or ():
        if len(file.parts) == 1 and file.suffix == ".py":
            yield file.stem
        elif len(file.parts) == 2 and file.name == "__init__.py":
            yield file.parts[0]


def named(name: str) -> Distribution | None:
    """An installed distribution by its normalised name."""
    wanted = normalised(name)
    return next((dist for dist in distributions() if normalised(dist.name or "") == wanted), None)


def normalised(name: str) -> str:
    """A distribution's name as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def complete(analysis: Any, application: str, freezer: Sequence[str], work: str) -> None:
    """Called by the spec: metadata of every distribution in use, no traces of installers and build machines, everything in order.

    Programs ask importlib.metadata for versions and entry points of distributions, their own and others',
    in ways that no analysis sees; the metadata costs a few kilobytes each.
    """
    from PyInstaller.utils.hooks import copy_metadata

    index = dict(recorded_files())
    sources = [entry[1] for toc in (analysis.pure, analysis.binaries, analysis.datas) for entry in toc]
    used = {index[path][0] for path in map(real, sources) if path in index} | {normalised(application)}
    present = {entry[0].partition("/")[0] for entry in analysis.datas}
    for name in sorted(used - set(freezer)):
        found = named(name)
        folder = Path(str(getattr(found, "_path", ""))).name
        if found is None or folder in present:
            continue
        for source, destination in copy_metadata(name):
            files = [path for path in sorted(Path(source).rglob("*")) if path.is_file()] if Path(source).is_dir() else [Path(source)]
            base = Path(source) if Path(source).is_dir() else Path(source).parent
            analysis.datas += [((Path(destination) / path.relative_to(base)).as_posix(), str(path), "DATA") for path in files]
    analysis.datas = sorted(entry for entry in analysis.datas if not is_trace(entry[0]))
    analysis.binaries = sorted(without_foreign_folders(analysis.binaries, work))


def without_foreign_folders(binaries: Sequence[tuple[str, str, str]], work: str) -> list[tuple[str, str, str]]:
    """The binaries; in the place of those that search for libraries on the machine they were built on, copies that don't."""
    from search_path import cleaned

    taken, originals = [], originals_of(work)
    for destination, source, kind in binaries:
        data = Path(source).read_bytes() if sys.platform == "linux" and Path(source).is_file() else b""
        if (clean := cleaned(data)) == data:
            taken.append((destination, source, kind))
            continue
        copy = Path(work) / "cleaned" / destination
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(clean)
        copy.chmod(Path(source).stat().st_mode)
        originals[str(copy)] = source
        taken.append((destination, str(copy), kind))
    (Path(work) / ORIGINALS).write_text(json.dumps(originals), encoding="utf-8")
    return taken


def originals_of(work: str) -> dict[str, str]:
    """What the cleaned copies were made of."""
    path = Path(work) / ORIGINALS
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def is_trace(destination: str) -> bool:
    """Whether a collected file was written by the installer, not by the distribution."""
    parts = destination.replace("\\", "/").split("/")
    return len(parts) >= 2 and parts[-2].endswith(".dist-info") and parts[-1] in INSTALLER_TRACES


def make_reproducible() -> None:
    """The one run-to-run difference of PyInstaller on Python ≥ 3.11: the order of base_library.zip."""
    from PyInstaller.building import build_main

    original = build_main.create_base_library_zip

    def sorted_zip(filename: str, modules_toc: list[Any], code_cache: Any = None) -> Any:
        return original(filename, sorted(modules_toc), code_cache)

    build_main.create_base_library_zip = sorted_zip


def do_without_cross_reference() -> None:
    """An HTML page about every import, which takes a tenth of the analysis and which nobody sees here."""
    from PyInstaller.building.build_main import Analysis

    Analysis._write_graph_debug = lambda _self: None  # noqa: SLF001  # there is no option


def walk_only_what_imports() -> None:
    """Disassemble only the code that imports, or binds a global name: the analysis looks at nothing else, most functions do neither.

    Words of byte code are two bytes, the operation first, in every Python since 3.6.
    """
    from PyInstaller.lib.modulegraph import util

    original = util.iterate_instructions
    seen = {dis.opmap[name] for name in ("IMPORT_NAME", "STORE_NAME", "STORE_GLOBAL", "DELETE_NAME", "DELETE_GLOBAL")}

    def iterate_instructions(code: CodeType) -> Iterator[Any]:
        if not seen.isdisjoint(code.co_code[::2]):
            yield from original(code)  # comes back here for the code within
            return
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from iterate_instructions(constant)

    util.iterate_instructions = iterate_instructions


def do_without_binutils() -> None:
    """Read ELF headers and append archives here instead of with the machine's objdump and objcopy.

    They would be one more input that differs between machines, and one more thing to install. The boot
    loader searches its archive from the end of the file, as it does on every other POSIX system.
    """
    if sys.platform != "linux":
        return
    from PyInstaller.building import api
    from PyInstaller.depend import bindepend

    which = shutil.which
    shutil.which = lambda cmd, *a, **k: which(cmd, *a, **k) or (cmd if cmd == "objdump" else None)  # type: ignore[assignment]
    api.subprocess = WithoutObjcopy()
    bindepend._classify_binary_vs_data = binary_or_data  # noqa: SLF001  # there is no public way


def binary_or_data(filename: str) -> str | None:
    """PyInstaller's question about a file: a 64- or 32-bit ELF header of a program or library, or data."""
    try:
        with Path(filename).open("rb") as stream:
            head = stream.read(20)
    except OSError:
        return None
    elf = head[:4] == b"\x7fELF" and head[4:5] in (b"\1", b"\2") and len(head) == 20
    return "BINARY" if elf and int.from_bytes(head[16:18], sys.byteorder) in (2, 3) else "DATA"


class WithoutObjcopy:
    """The subprocess module as PyInstaller.building.api uses it, with objcopy's one call done in Python."""

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def run(self, command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        if command[0] != "objcopy":
            return subprocess.run(command, check=False, **options)
        archive, program = command[2].partition("=")[2], command[3]
        with Path(archive).open("rb") as source, Path(program).open("ab") as target:
            shutil.copyfileobj(source, target)
        return subprocess.CompletedProcess(list(command), 0, "")


class Collector(logging.Handler):
    """Keeps PyInstaller's warnings as data: the logger, the template and the values."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[dict[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append({"logger": record.name, "level": record.levelname, "template": str(record.msg), "message": record.getMessage()})


def origins_of(job: Job) -> Iterator[tuple[str, dict[str, str]]]:
    """For every collected file, below the tree's root: its origin as payload.json names it."""
    tocs = sorted((Path(job["work"]) / "build" / "product").glob("COLLECT-*.toc"))
    entries = ast.literal_eval(tocs[0].read_text(encoding="utf-8"))
    toc = next(part for part in entries if isinstance(part, list) and part and isinstance(part[0], tuple) and len(part[0]) == 3)
    originals = originals_of(job["work"])
    collected = [(destination, originals.get(source, source)) for destination, source, _ in toc]
    index = dict(recorded_files())
    packages = dict(system_packages([source for _, source in collected]))
    freezer, application = set(job["freezer"]), normalised(job["application"])
    for destination, source in collected:
        yield destination, origin_of(source, index, packages, freezer, application)


def origin_of(
    source: str, index: Mapping[str, tuple[str, str]], packages: Mapping[str, tuple[str, str]], freezer: set[str], application: str
) -> dict[str, str]:
    """The origin of one file by where it was collected from."""
    path = real(source)
    if path in index:
        name, version = index[path]
        kind = "freezer" if name in freezer else "application" if name == application else "distribution"
        return {"kind": kind, "name": name, "version": version}
    if is_python(path):
        return {"kind": "python", "name": "python", "version": platform.python_version()}
    if path in packages:
        return {"kind": "system", "name": packages[path][0], "version": packages[path][1]}
    return {"kind": "application", "name": application}


def is_python(path: str) -> bool:
    """Whether a file is part of the interpreter: its standard library, its shared library, what the freeze makes of them."""
    stdlib = [real(sysconfig.get_path(key)) for key in ("stdlib", "platstdlib")]
    name = Path(path).name
    return path.startswith(tuple(f"{folder}/" for folder in stdlib)) or name.startswith("libpython") or name == "base_library.zip"


def recorded_files() -> Iterator[tuple[str, tuple[str, str]]]:
    """Every installed file with the distribution that brought it."""
    for dist in distributions():
        owner = normalised(dist.name), dist.version  # once: each look reads and parses the metadata
        folder = getattr(dist, "_path", None) if isinstance(dist, PathDistribution) else None
        for file in dist.files or ():
            yield real(str(dist.locate_file(file))), owner
        for path in Path(str(folder)).rglob("*") if folder else ():
            yield real(str(path)), owner


def real(path: str) -> str:
    """A path without links."""
    return os.path.realpath(path)


def system_packages(paths: Sequence[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Which of the files belong to which system package and version, asked from dpkg or rpm."""
    for path in sorted({real(p) for p in paths if p.startswith(("/lib", "/usr/lib", "/opt"))}):
        query = ["rpm", "-qf", "--qf", "%{NAME}\t%{VERSION}-%{RELEASE}\n", path]
        if shutil.which("dpkg-query"):
            query = ["dpkg-query", "-S", path, path.removeprefix("/usr")]
        elif not shutil.which("rpm"):
            return
        done = subprocess.run(query, capture_output=True, text=True, check=False)
        line = done.stdout.partition("\n")[0]
        if query[0] == "rpm" and done.returncode == 0:
            name, _, version = line.partition("\t")
            yield path, (name, version)
        elif line and query[0] == "dpkg-query":
            name = line.partition(": ")[0].partition(",")[0]
            shown = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True, check=False)
            yield path, (name.partition(":")[0], shown.stdout.strip())


def python_facts() -> dict[str, str]:
    """Exactly which Python this is."""
    from PyInstaller.depend.bindepend import get_python_library_path

    library = get_python_library_path() or sys.executable
    with Path(library).open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    build = " ".join(sys.version.split())
    return {"version": platform.python_version(), "build": build, "sha256": digest, "implementation": platform.python_implementation()}


def system_facts() -> dict[str, str]:
    """The system that this ran on, as far as it shapes the result."""
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        name = platform.system()
    glibc = os.confstr("CS_GNU_LIBC_VERSION") if sys.platform == "linux" else ""
    return {"name": name, "glibc": (glibc or "").replace(" ", "-")}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))  # the spec imports this module again, as `freeze`
    raise SystemExit(main())
