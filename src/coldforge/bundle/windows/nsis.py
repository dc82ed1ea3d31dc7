r"""`nsis`: the installer that people start, `…-setup.exe`: for one user without any rights, for the machine, or as the user chooses.

    %LOCALAPPDATA%\Programs\<folder>\ or C:\Program Files\<folder>\      the tree, uninstall.exe
    Software\Microsoft\Windows\CurrentVersion\Uninstall\<identifier>     what Windows lists, below HKCU or HKLM

The script is `build/templates/nsis/installer.nsi`; what a product adds to it is written here, as NSIS's defines and macros.
Source: https://nsis.sourceforge.io/Docs/Chapter4.html (script reference)
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from coldforge import recipes
from coldforge.bundle import BundleJob
from coldforge.bundle.tree import Tree
from coldforge.bundle.windows import ico
from coldforge.bundle.windows import shared as windows
from coldforge.errors import BuildFailed, Refused
from coldforge.host import files
from coldforge.plan import names
from coldforge.plan.names import UNINSTALLER
from coldforge.project.windows import split

PROGRAM: Final = "makensis"
_SCRIPT: Final = "installer.nsi"
_KIND: Final = "amd64-unicode"  # of plug-ins, as the script's `Target`
LARGEST: Final = 2**31 - 1  # bytes that one installer holds: its offsets are signed
_TEMPLATES: Final = ("build/templates/nsis/installer.nsi", "build/templates/nsis/texts.nsh")
_LANGUAGES: Final = {"en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "nl": "Dutch"}
_UNINSTALL: Final = r"Software\Microsoft\Windows\CurrentVersion\Uninstall"
_BOM: Final = "\ufeff"  # without it the text is read in a code page


class Nsis:
    """Fills the script in and lets makensis compile it."""

    format = "nsis"
    templates: tuple[str, ...] = _TEMPLATES
    settings: tuple[str, ...] = ("windows", "icon")
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        return ""

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        with files.scratch("nsis") as folder:
            lay_out(job, _content(job, tree, folder), folder)
            _compiled(job, folder, {"made.exe": out})

    def plug_ins(self, job: BundleJob, folder: Path) -> list[Path]:
        """Those that the script calls, and those that NSIS's own pages call: copied by a script, because makensis knows where they are."""
        texts = [recipes.find(name, job.project).read_text("utf-8-sig") for name in _TEMPLATES]
        called = re.findall(r"^\s*(\w+)::\w", "\n".join((*texts, *content(job, Tree(nodes=(), epoch=0)))), re.MULTILINE)
        names = [f"{name}.dll" for name in sorted({"nsDialogs", *called})]
        with files.scratch("nsis") as place:
            copies = [f"!system 'cp \"${{NSISDIR}}/Plugins/{_KIND}/{name}\" .' = 0" for name in names]
            (place / _SCRIPT).write_text("\n".join(("Unicode true", *copies, 'OutFile "made.exe"', "Section", "SectionEnd", "")), "utf-8")
            _compiled(job, place, {name: folder / name for name in names})
        return [folder / name for name in names]

    def uninstaller(self, job: BundleJob, tree: Tree, out: Path) -> None:
        """Compile the script without the files that it installs: makensis makes an uninstaller only with its installer."""
        with files.scratch("nsis") as folder:
            lay_out(job, _content(job, tree, folder), folder, complete=False)
            _compiled(job, folder, {UNINSTALLER: out})


def _content(job: BundleJob, tree: Tree, folder: Path) -> Tree:
    found = windows.with_icons(job, tree, folder)
    check(found, job)
    return found


def _compiled(job: BundleJob, folder: Path, made: Mapping[str, Path]) -> None:
    """Compile the script in a folder, and copy what was made to where it is wanted."""
    with job.tools.bench(folder) as bench:
        try:
            bench.run(PROGRAM, "-V2", "-WX", "-NOCONFIG", "-INPUTCHARSET", "UTF8", _SCRIPT)
        except BuildFailed as error:
            what, hint = f"makensis could not make {job.artifact.name}", "Its script is build/templates/nsis/installer.nsi."
            raise BuildFailed(what, why="\n".join(error.why.splitlines()[-10:]), hint=hint) from error
        for name, out in made.items():
            shutil.copyfile(bench.get(name), out)


def check(tree: Tree, job: BundleJob) -> None:
    """Raises Refused for a tree that Windows or NSIS cannot hold."""
    windows.check(tree, job.artifact.name, room=windows.room(job))
    size = sum(node.size for node in tree)
    if size > LARGEST:
        what = f"{job.artifact.name} cannot be made: the tree has {size / 1e9:.1f} GB, and an NSIS installer holds 2.1"
        raise Refused(what, hint="Plan `msi` or `zip` for this target in matrix.yml.")
    if any(node.path.casefold() == UNINSTALLER for node in tree):
        raise Refused(
            f"{job.artifact.name} cannot be made: the tree has a file {UNINSTALLER}", hint="The uninstaller is called that: rename it."
        )


def lay_out(job: BundleJob, tree: Tree, folder: Path, *, complete: bool = True) -> None:
    """All that makensis reads. Files stand under numbers: it would take some names for patterns, and none of them gets into the result.

    What is not `complete` leaves the uninstaller beside it, and installs no files.
    """
    for name in _TEMPLATES:
        (folder / Path(name).name).write_text(_BOM + recipes.find(name, job.project).read_text("utf-8-sig"), "utf-8")
    (folder / "files").mkdir()
    for number, node in enumerate(tree):
        if node.source:
            files.lend(node.source, folder / "files" / str(number))
    defines = facts(job, tree)
    if job.plan.product.icon:
        (folder / "app.ico").write_bytes(ico.made(job.project / job.plan.product.icon))
        defines["ICON"] = "app.ico"
    if licence := _licence(job):
        (folder / "license.txt").write_text(_BOM + licence, "utf-8", newline="\r\n")
        defines["LICENSE"] = ""
    if plug_ins := [path for name, path in job.carried.items() if name != UNINSTALLER]:
        (folder / "plug-ins").mkdir()
        for path in plug_ins:
            files.lend(path, folder / "plug-ins" / path.name)
        defines["SIGNED_PLUG_INS"] = "plug-ins"
    if not complete:
        defines["LEFT_UNINSTALLER"] = UNINSTALLER
    elif UNINSTALLER in job.carried:
        files.lend(job.carried[UNINSTALLER], folder / UNINSTALLER)
        defines["SIGNED_UNINSTALLER"] = UNINSTALLER
    (folder / "facts.nsh").write_text(_BOM + "".join(f'!define {name} "{value}"\n' for name, value in defines.items()), "utf-8")
    (folder / "content.nsh").write_text(_BOM + "\n".join(content(job, tree, complete=complete)) + "\n", "utf-8")


def _licence(job: BundleJob) -> str:
    paths = job.plan.product.license_files if job.plan.config.windows.license_page else ()
    return "\n\n".join((job.project / path).read_text("utf-8", errors="replace").strip() for path in paths)


def quoted(text: str) -> str:
    r"""A text between quotation marks of the script, on one line: neither a variable nor a define nor the end of it.

    >>> quoted('the "$HOME"')
    'the $\\"${DOLLAR}HOME$\\"'
    """
    return re.sub("[\"'`]", lambda found: f"$\\{found[0]}", _line(text).replace("$", "${DOLLAR}"))


def defined(text: str) -> str:
    r"""A text as the value of a define, which is read twice: it can hold no double quotation mark, and nothing that looks like a define.

    >>> defined('the "$HOME"')
    "the '$$HOME'"
    """
    return plain(text).replace("$", "$$")


def plain(text: str) -> str:
    """A text of the version resource, where nothing but a define has a meaning."""
    return _line(text).replace('"', "'").replace("${", "$ {")


def _line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)


def facts(job: BundleJob, tree: Tree) -> dict[str, str]:
    """The defines of the script, quoted; what a product has not is not defined."""
    product, config = job.plan.product, job.plan.config.windows
    version = names.Version.parse(product.version)
    numbers = [min(number, 0xFFFF) for number in (*version.release, 0)[:4]]
    display = windows.display_name(product)
    texts = {
        "DISPLAY_NAME": display,
        "FOLDER": windows.folder(job),
        "VERSION": names.semver(version),
        "COMPARABLE": names.comparable(version),
        "FILE_VERSION": ".".join(map(str, numbers)),
        "VERSION_MAJOR": str(version.release[0]),
        "VERSION_MINOR": str(version.release[1]),
        "PUBLISHER": windows.publisher(job),
        "UNINSTALL_KEY": rf"{_UNINSTALL}\{windows.identifier(product)}",
        "UNINSTALLER": UNINSTALLER,
        "SHOWN": windows.program(job, product.main),
        "KILOBYTES": str(sum((node.size + 1023) // 1024 for node in tree)),
        "LONGEST_PATH": str(max((windows.utf16(node.path) for node in tree), default=0) + 1),
        "SCOPE": "machine" if config.scope == "machine" else "user",
        "LEVEL": "admin" if config.scope == "machine" else "user",
        "HOMEPAGE": product.homepage,
        "HELP": product.urls.get("issues", "") or product.urls.get("documentation", ""),
        "STARTED": windows.program(job, product.main) if windows.shown(product) else "",
        "CHOOSE_SCOPE": "yes" if config.scope == "both" else "",
        "IN_PATH": "yes" if windows.wants_path(job) else "",
    }
    given = {name: defined(value) for name, value in texts.items() if value}
    given["DISPLAY_NAME_IN_CAPTIONS"] = defined(display.replace("&", "&&"))  # where one alone marks a letter
    return {"DOLLAR": "$$", **given, "RESOURCE_NAME": plain(display), "RESOURCE_PUBLISHER": plain(windows.publisher(job))}


def content(job: BundleJob, tree: Tree, *, complete: bool = True) -> Iterator[str]:
    """The macros of the script, line by line; that of the files is empty when it is not `complete`."""
    config, product = job.plan.config.windows, job.plan.product
    yield from _macro("LANGUAGES", (f'!insertmacro MUI_LANGUAGE "{_LANGUAGES[language]}"' for language in config.languages))
    programs = [quoted(windows.program(job, executable)) for executable in product.executables]
    yield from _macro("EACH_PROGRAM", (f'!insertmacro ${{DO}} "{program}"' for program in programs), "DO")
    yield from _macro("INSTALL_FILES", _installed(tree) if complete else ())
    yield from _macro("REMOVE_FILES", (f'Delete "{_place(node.path)}"' for node in tree if node.source))
    yield from _macro("REMOVE_FOLDERS", (f'RMDir "{_place(node.path)}"' for node in reversed(tree.nodes) if node.is_directory))
    yield from _shortcuts(job)
    yield from _macro("WRITE_CLASSES", _written(job))
    yield from _macro("REMOVE_CLASSES", _unwritten(job))
    notify = "System::Call 'shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)' ; SHCNE_ASSOCCHANGED"
    yield from _macro("NOTIFY_SHELL", [notify] if any(windows.classes(job, "", quoted)) else [])
    yield from _macro("AFTER_INSTALL", (line for command in config.after_install for line in _command(job, command, must=True)))
    yield from _macro("BEFORE_REMOVE", (line for command in config.before_remove for line in _command(job, command, must=False)))


def _macro(name: str, lines: Iterable[str], *parameters: str) -> Iterator[str]:
    yield " ".join(("!macro", name, *parameters))
    yield from (f"  {line}" for line in lines)
    yield "!macroend"


def _place(path: str) -> str:
    return "$INSTDIR\\" + quoted(path.replace("/", "\\"))


def _installed(tree: Tree) -> Iterator[str]:
    for number, node in enumerate(tree):
        yield f'File "/oname={_place(node.path)}" "files/{number}"' if node.source else f'CreateDirectory "{_place(node.path)}"'


def _shortcuts(job: BundleJob) -> Iterator[str]:
    """Below the start menu, in a folder of their own when there are several, and on the desktop."""
    asked, shown = job.plan.config.windows.shortcuts, windows.shown(job.plan.product)
    menu = shown if "start-menu" in asked else ()
    folder = f"$SMPROGRAMS\\{quoted(windows.folder(job))}" if len(menu) > 1 else "$SMPROGRAMS"
    links = [(f"{folder}\\{quoted(name)}.lnk", windows.program(job, executable)) for name, executable in menu]
    desktop = shown if "desktop" in asked else ()
    surface = [(f"$DESKTOP\\{quoted(name)}.lnk", windows.program(job, executable)) for name, executable in desktop]
    own = [f'CreateDirectory "{folder}"'] if len(menu) > 1 else []
    made = [*own, *map(_link, links)]
    made += ["${If} $OnDesktop = 1", *map(_link, surface), "${EndIf}"] if surface else []
    yield from _macro("MAKE_SHORTCUTS", made)
    there = [f'${{If}} ${{FileExists}} "{link}"\n  StrCpy $OnDesktop 1\n  ${{EndIf}}' for link, _ in surface]
    yield from _macro("LOOK_FOR_DESKTOP_SHORTCUTS", ["StrCpy $OnDesktop 0", *there])
    gone = [f'Delete "{link}"' for link, _ in (*links, *surface)]
    yield from _macro("REMOVE_SHORTCUTS", [*gone, *([f'RMDir "{folder}"'] if len(menu) > 1 else [])])


def _link(made: tuple[str, str]) -> str:
    link, program = made
    place = f"$INSTDIR\\{quoted(program)}"
    return f'CreateShortCut "{link}" "{place}" "" "{place}" 0'


def _written(job: BundleJob) -> Iterator[str]:
    for value in windows.classes(job, "$INSTDIR\\", quoted):
        if value.owned or value.name:
            yield f'WriteRegStr SHCTX "{value.key}" "{value.name}" \'{value.data}\''
        else:
            yield f'!insertmacro WRITE_UNLESS_SET "{value.key}" "{value.data}"'


def _unwritten(job: BundleJob) -> Iterator[str]:
    values = list(windows.classes(job, "$INSTDIR\\", quoted))
    command = r"\shell\open\command"
    for value in values:
        if value.owned and value.key.endswith(command):
            yield f"!insertmacro REMOVE_CLASS_IF_OURS \"{value.key.removesuffix(command)}\" '{value.data}'"
    for value in (value for value in values if not value.owned):
        yield (
            f'DeleteRegValue SHCTX "{value.key}" "{value.name}"'
            if value.name
            else f'!insertmacro REMOVE_IF_OURS "{value.key}" "{value.data}"'
        )
        yield f'!insertmacro REMOVE_KEY_IF_EMPTY "{value.key}"'


def _command(job: BundleJob, line: str, *, must: bool) -> Iterator[str]:
    """A command line of the project's, without a window of a terminal; whether it must succeed."""
    first, *rest = split(line)
    executable = next(each for each in job.plan.product.executables if each.name == first)
    words = [f'"{_place(windows.program(job, executable))}"', *(quoted(windows.argument(word)) for word in rest)]
    yield f"nsExec::Exec '{' '.join(words)}'"
    yield "Pop $R0"
    if must:
        yield from ("${If} $R0 != 0", f'StrCpy $R1 "{quoted(line)}"', '!insertmacro FAIL ${FAILED_COMMAND} "$(TEXT_COMMAND)"', "${EndIf}")
