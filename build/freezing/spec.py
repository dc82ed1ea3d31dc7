"""The spec that PyInstaller runs: one analysis of all executables, one tree, and when asked one one-file program each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from freezing import options as words
from freezing import typelibs
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
    declared: list[str]
    freezer: list[str]
    licenses: list[str]
    resources: dict[str, Any]
    hooks: list[str]
    source: str
    kept: str
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
    options, source = job["options"], job["source"]
    told = {key: value for key, value in job.items() if key in Source.__annotations__}
    modules, data = application_files(job["application"])
    hidden = sorted({*modules, *declared_modules(job["application"]), *options["hidden-imports"]})
    analysis = words.of_analysis(options, source)
    typelibs.complete(analysis, job["application"], Path(job["work"]))
    launchers = [
        (script.stem, executable["name"], bool(executable["console"]))
        for script, executable in zip(scripts, job["executables"], strict=True)
    ]
    lines = [
        "from freezing.collected import complete, without_foreign_folders",
        "from freezing.compressed import Parts, install",
        "from freezing.kept import analysed, keep_parts",
        "from freezing.loaded import remember",
        "from freezing.resources import resources",
        "from freezing.unseen import Following",
        "def make():",
        f"    datas, binaries, hidden = {data!r}, [], {hidden!r}",
        *(f"    {line}" for line in words.collected(options, source)),
        f"    hooks = {[*job['hooks'], *words.placed(options['runtime-hooks'], source)]!r}",
        f"    with Following({job['application']!r}, {job['freezer']!r}):",
        f"        analysis = Analysis({[str(script) for script in scripts]!r}, datas=datas, binaries=binaries,",
        f"            hiddenimports=sorted(set(hidden)), runtime_hooks=hooks, **{analysis!r})",
        f"    remember(analysis, {job['work']!r})",
        f"    complete(analysis, {job['application']!r}, {job['freezer']!r}, {job['work']!r})",
        "    return analysis",
        f"install(parts := Parts({job['kept']!r}, {job['work']!r}))",
        f"analysis = analysed({dict(job)!r}, make, parts)",
        "pyz = PYZ(analysis.pure)",
        f"pyz.dependencies = without_foreign_folders(pyz.dependencies, {job['work']!r})",
        "from freezing.parts import archived, collect",
        f"texts = collect(analysis, archived(pyz), {told!r})",
        f"launchers = {launchers!r}",
        "own = [script for script, name, console in launchers]",
        *words.splash(options, source),
        f"interpreter, words = {words.of_interpreter(options)!r}, {words.of_program(options, source)!r}",
        "trees = []",
        "for script, name, console in launchers:",
        "    scripts = [entry for entry in analysis.scripts if entry[0] == script or entry[0] not in own]",
        f"    common = {{**resources({job['resources']!r}, name), **words, 'name': name, 'console': console}}",
        *(["    EXE(pyz, scripts, analysis.binaries, analysis.datas, *splash, interpreter, texts, **common)"] if job["onefile"] else []),
        "    trees.append(EXE(pyz, scripts, *splash[:1], interpreter, exclude_binaries=True, **common))",
        f"COLLECT(*trees, analysis.binaries, analysis.datas, *splash[1:], name={TREE!r}, strip={bool(options['strip'])!r}, upx=False)",
        f"keep_parts({dict(job)!r}, parts)",
        "",
    ]
    return "\n".join(lines)
