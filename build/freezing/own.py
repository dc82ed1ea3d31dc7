"""A spec of the user's, run as it stands: the tree is found whatever the spec calls it, and the same bytes come out everywhere.

PyInstaller's classes are wrapped, not replaced: a spec may import them, and many do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from freezing.collected import is_trace, preloaded, without_foreign_folders
from freezing.installed import real
from freezing.loaded import remember
from freezing.parts import Source, archived, collect
from freezing.resources import resources
from freezing.spec import TREE, Job
from freezing.unfit import Unfit

UPX = {"upx": False}


def install(job: Job) -> Own:
    """Wrap what a spec is made of, before it runs; what was made is known afterwards."""
    from PyInstaller.building.api import COLLECT, EXE, PYZ
    from PyInstaller.building.build_main import Analysis

    own = Own(job)
    for kind, around in ((Analysis, own.analyse), (PYZ, own.archive), (EXE, own.program), (COLLECT, own.collect)):
        kind.__init__ = wrapped(kind.__init__, around)
    return own


def wrapped(original: Callable[..., None], around: Callable[..., None]) -> Callable[..., None]:
    """A constructor that `around` is called in the place of, with the original first."""

    @wraps(original)
    def constructor(made: Any, *args: Any, **words: Any) -> None:
        around(original, made, *args, **words)

    return constructor


class Own:
    """What a spec makes, as it makes it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.hidden_imports: list[str] = []
        self.programs: dict[Any, tuple[list[Any], dict[str, Any]]] = {}
        self.trees = 0
        self.analyses: list[Any] = []
        self.modules: dict[str, int] = {}

    def analyse(self, original: Callable[..., None], made: Any, *args: Any, **words: Any) -> None:
        """The hooks that every frozen program has come first."""
        self.hidden_imports += words.get("hiddenimports") or []
        original(made, *args, **{**words, "runtime_hooks": [*self.job["hooks"], *(words.get("runtime_hooks") or [])]})
        remember(made, self.job["work"])
        self.analyses.append(made)

    def archive(self, original: Callable[..., None], made: Any, *args: Any, **words: Any) -> None:
        """The modules; the libraries of those that start the program are collected with everything else."""
        original(made, *args, **words)
        made.dependencies = without_foreign_folders(made.dependencies, self.job["work"])
        self.modules |= archived(made)

    def program(self, original: Callable[..., None], made: Any, *args: Any, **words: Any) -> None:
        """A program: of the tree, or of one file."""
        parts = [self.tidy(part) for part in args]
        if words.get("exclude_binaries"):
            self.programs[made] = (parts, words)
        told = resources(self.job["resources"], Path(words.get("name", "program")).stem)
        original(made, *parts, **{**told, **words, **UPX})

    def collect(self, original: Callable[..., None], made: Any, *args: Any, **words: Any) -> None:
        """The tree, under the name that it is looked for; before it one-file programs of the same, when they are asked for."""
        from PyInstaller.building.api import EXE

        self.trees += 1
        programs = [part for part in args if isinstance(part, EXE)]
        self.check(program_name(program) for program in programs)
        rest = [self.tidy(part) for part in args if not isinstance(part, EXE)]
        texts = self.parts([*rest, *(program.dependencies for program in programs)])
        for program in programs if self.job["onefile"] else ():
            self.one_file(program, [*rest, texts])
        original(made, *programs, *rest, **{**words, **UPX, "name": TREE})

    def parts(self, lists: list[Any]) -> list[tuple[str, str, str]]:
        """What the tree is made of is written down; the licence texts, as files of a one-file program."""
        code = {name: [entry for analysis in self.analyses for entry in getattr(analysis, name)] for name in ("pure", "scripts")}
        files = [entry for part in lists for entry in part]
        told: Any = {key: value for key, value in self.job.items() if key in Source.__annotations__}
        return collect(SimpleNamespace(**code, binaries=files, datas=[]), self.modules, told)

    def one_file(self, program: Any, rest: list[Any]) -> None:
        """The program once more, with all of the tree in it; unless the spec has made that as well."""
        from PyInstaller.config import CONF

        if program in self.programs and not (Path(CONF["distpath"]) / Path(program.name).name).is_file():
            parts, words = self.programs[program]
            type(program)(*parts, *rest, **{**words, "exclude_binaries": False, "name": program_name(program)})

    def tidy(self, part: Any) -> Any:
        """A list of files without traces of installers and build machines, in order; anything else as it is."""
        if not is_list(part):
            return part
        kept = (tuple(entry) for entry in part if not is_trace(entry[0]) and real(str(entry[1])) not in preloaded())
        entries = sorted(kept, key=lambda entry: str(entry[0]))
        libraries = [entry for entry in entries if entry[2] in ("BINARY", "EXTENSION")]
        clean = dict(zip(libraries, without_foreign_folders(libraries, self.job["work"]), strict=True))
        return [clean.get(entry, entry) for entry in entries]

    def check(self, made: Iterable[str]) -> None:
        """Raise Unfit when the tree's programs are not those that are planned."""
        found, planned = sorted(made), sorted(executable["name"] for executable in self.job["executables"])
        if found != planned:
            what = f"the spec makes {', '.join(found) or 'no program'}; planned are {', '.join(planned)}"
            raise Unfit(what, "give the spec's EXE(…) these names, or name its programs in [tool.coldforge.executables]")

    def finish(self) -> None:
        """Raise Unfit when there is not exactly one tree."""
        if self.trees != 1:
            made = f"{self.trees} trees" if self.trees else "no tree"
            hint = "one COLLECT(…) is needed; one-file programs are made of it by the format `onefile`"
            raise Unfit(f"the spec makes {made}", hint)


def is_list(part: Any) -> bool:
    """Whether a part of a program or tree is a list of files, not a target. A script's place in a list counts, so those stay."""
    entries = list(part) if isinstance(part, list | tuple) else []
    return bool(entries) and not any(str(entry[2]).startswith(("PYSOURCE", "PYMODULE", "OPTION")) for entry in entries)


def program_name(program: Any) -> str:
    """The name of a program of the tree, without its suffix on Windows."""
    return Path(program.name).name.removesuffix(".exe")
