"""The spec that PyInstaller runs: one analysis of all executables, one tree, and when asked one one-file program each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from freezing.installed import application_files, declared_modules
from freezing.parts import Source

TREE = "coldforge-payload"  # no executable is called that


class Job(TypedDict):
    """What coldforge asks for. All paths are absolute; with `anyway` it is frozen although an entry cannot be imported."""

    application: str
    executables: list[dict[str, Any]]
    options: dict[str, Any]
    onefile: bool
    anyway: bool
    freezer: list[str]
    licenses: list[str]
    hooks: list[str]
    source: str
    work: str
    out: str


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
    told = {key: value for key, value in job.items() if key in Source.__annotations__}
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
        "from freezing.collected import complete, without_foreign_folders",
        "from freezing.loaded import remember",
        f"remember(analysis, {job['work']!r})",
        f"complete(analysis, {job['application']!r}, {job['freezer']!r}, {job['work']!r})",
        "pyz = PYZ(analysis.pure)",
        f"pyz.dependencies = without_foreign_folders(pyz.dependencies, {job['work']!r})",
        "from freezing.parts import collect",
        f"texts = collect(analysis, pyz, {told!r})",
        f"launchers = {launchers!r}",
        "own = [script for script, name, console in launchers]",
        "trees = []",
        "for script, name, console in launchers:",
        "    scripts = [entry for entry in analysis.scripts if entry[0] == script or entry[0] not in own]",
        f"    common = dict(console=console, strip={bool(options['strip'])!r}, upx=False, disable_windowed_traceback=False)",
        *(["    EXE(pyz, scripts, analysis.binaries, analysis.datas, texts, name=name, **common)"] if job["onefile"] else []),
        "    trees.append(EXE(pyz, scripts, [], exclude_binaries=True, name=name, **common))",
        f"COLLECT(*trees, analysis.binaries, analysis.datas, name={TREE!r}, strip={bool(options['strip'])!r}, upx=False)",
        "",
    ]
    return "\n".join(lines)


def add_data(job: Job) -> list[tuple[str, str]]:
    """`source:folder` pairs, the source relative to the project."""
    pairs = [text.rpartition(":") for text in job["options"]["add-data"]]
    return [(str(Path(job["source"]) / source), folder) for source, _, folder in pairs]
