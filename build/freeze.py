"""Freezes an application: run by the frozen environment's own Python, on the host or in a container.

    python freeze.py JOB.json

Needs PyInstaller and the standard library, nothing of coldforge. Reads the job, generates a spec
(or takes the user's), runs PyInstaller once for the tree and the one-file programs together, and writes `result.json`:
where every file comes from, every warning as data, and what Python and system this was.
The job's keys are those of `Job` in freezing/spec.py; the parts that do the work are in that folder.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from freezing import kept, own, plugins, warned, wrapper
from freezing.facts import machine_facts, python_facts, system_facts
from freezing.imported import byte_code
from freezing.installed import installed, real
from freezing.loaded import loaded, placed
from freezing.options import check_tools
from freezing.origins import collected_files, origins_of, origins_of_texts
from freezing.parts import FOLDER, LIST
from freezing.spec import TREE, Job, spec_text, write_script
from freezing.unfit import Unfit

HERE = Path(__file__).resolve().parent
IMPORTED = 86  # how the process that imports an entry point ends when it is there: 0 is also what a module that ends it says
PATIENCE = 600  # seconds: an emulated machine is slow
SUFFIX = ".exe" if os.name == "nt" else ""


def main() -> int:
    # from here on nothing is found beside this file: a module of the application may have any name
    sys.path = [folder for folder in sys.path if Path(folder or ".").resolve() != HERE]
    job: Job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with byte_code(job):
        result = told(job)
    out = Path(job["out"])
    out.mkdir(parents=True, exist_ok=True)
    (out / "result.json").write_text(json.dumps(result, sort_keys=True), encoding="utf-8")
    return 0


def told(job: Job) -> dict[str, Any]:
    """Everything that coldforge is told."""
    result: dict[str, Any] = {"python": python_facts(), "system": system_facts(), "machine": machine_facts()}
    result["distributions"] = sorted((dist.name, dist.version) for dist in installed())
    try:
        result |= made(job)
    except Unfit as problem:
        result["unfit"] = {"what": str(problem), "hint": problem.hint}
    return result


def made(job: Job) -> dict[str, Any]:
    """What came of it: nothing when an entry point cannot be imported. A spec of the user's starts what it likes."""
    check_tools(job["options"])
    entries = [] if job["options"]["spec"] else [program["entry"] for program in job["executables"]]
    with ThreadPoolExecutor(max_workers=1) as beside:
        found = beside.map(import_failure, entries)
        import PyInstaller.building.build_main  # noqa: F401  # takes as long as they do

    failures = [failure for failure in found if failure]
    return {"failures": failures, **(frozen(job) if not failures or job["anyway"] else {})}


def import_failure(entry: str) -> dict[str, str]:
    """What the user would see at the first start, seen before minutes are spent: the entry point cannot be imported. Else nothing."""
    module, _, function = entry.partition(":")
    code = f"import functools, importlib; functools.reduce(getattr, {function.split('.')!r}, importlib.import_module({module!r}))"
    # at once: threads that the module started may go on for ever, and what it does with the streams and at the end is its own
    words = [sys.executable, "-c", f"{code}; import os; os._exit({IMPORTED})"]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", check=False, stdin=subprocess.DEVNULL, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return {"entry": entry, "error": f"TimeoutError: importing it takes more than {PATIENCE} seconds"}
    if done.returncode == IMPORTED:
        return {}
    said = done.stderr.strip() or f"SystemExit: {done.returncode}: importing it ends the program"
    return {"entry": entry, "error": "\n".join(said.splitlines()[-8:])}


def frozen(job: Job) -> dict[str, Any]:
    """Freeze, and tell of what was made: warnings, parts, origins of files and modules, and who imports them."""
    before = kept.recorded(job)
    warnings, hidden = freeze_own(job) if job["options"]["spec"] else freeze(job)
    components = json.loads((Path(job["work"]) / FOLDER / LIST).read_text(encoding="utf-8"))
    origins = {**dict(origins_of(job)), **dict(origins_of_texts(components, FOLDER))}
    # links to a file stand above it
    places = {real(source): destination for destination, source in sorted(collected_files(job).items(), key=lambda item: len(item[0]))}
    for warning in warnings:
        warning["values"] = placed(warning["values"], places)
    told = {"warnings": warnings, "hidden-imports": hidden, "origins": origins, "components": components}
    return {**told, **loaded(job), "analysis": analysis(before, kept.recorded(job))}


def analysis(before: object, after: object) -> str:
    """What became of the kept analysis: `used`, `new`, or empty where none is kept, as with a spec of the user's."""
    return "" if not after else "used" if after == before else "new"


def freeze(job: Job) -> tuple[list[dict[str, Any]], list[str]]:
    """Run PyInstaller on a generated spec; its warnings, and the hidden imports that were named."""
    work = Path(job["work"])
    work.mkdir(parents=True, exist_ok=True)
    scripts = [write_script(work, executable) for executable in job["executables"]]
    spec = work / "product.spec"
    spec.write_text(spec_text(job, scripts), encoding="utf-8")
    return run(job, spec), job["options"]["hidden-imports"]


def freeze_own(job: Job) -> tuple[list[dict[str, Any]], list[str]]:
    """Run PyInstaller on the user's spec, in the project's folder as the user does."""
    Path(job["work"]).mkdir(parents=True, exist_ok=True)
    os.chdir(job["source"])
    spec = own.install(job)
    warnings = run(job, Path(job["source"]) / job["options"]["spec"], finish=spec.finish)
    return warnings, spec.hidden_imports


def run(job: Job, spec: Path, finish: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
    """Run PyInstaller on a spec; the tree comes to `out/payload`, one-file programs to `out/onefile`. Its warnings."""
    import PyInstaller.__main__ as pyinstaller

    logging.getLogger("PyInstaller").addHandler(warned.Collector())
    wrapper.install()
    plugins.install()
    work, out = Path(job["work"]), Path(job["out"])
    dist = work / "made"
    words = ["--noconfirm", "--clean", "--log-level", "INFO", "--distpath", str(dist), "--workpath", str(work / "build"), str(spec)]
    pyinstaller.run(words)
    finish()
    (out / "onefile").mkdir(parents=True, exist_ok=True)
    (dist / TREE).rename(out / "payload")
    shutil.copytree(work / FOLDER, out / "payload" / FOLDER)
    for executable in job["executables"] if job["onefile"] else ():
        name = executable["name"] + SUFFIX
        (dist / name).rename(out / "onefile" / name)
    return warned.found


if __name__ == "__main__":
    raise SystemExit(main())
