"""Writes the pages of docs/reference/ that say what the code says: run it after changing an option or a key.

`python docs/generate.py --check` exits 1 when a page is not what it would write (a test does that).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import click
import msgspec
import yaml

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path.insert(0, str(ROOT / "src"))

from coldforge.commands import coldforge  # noqa: E402  # after the path is set
from coldforge.project import config, desktop, linux, pyinstaller  # noqa: E402
from coldforge.project.gates import GATES  # noqa: E402
from coldforge.showing import schema  # noqa: E402
from coldforge.verify.policy import Policy  # noqa: E402
from coldforge.verify.roster import Rebuilder  # noqa: E402

OPTIONS = "[tool.coldforge.pyinstaller]"
NOTE = "<!-- Written by docs/generate.py from the code; change it there. -->\n"


def commands() -> str:
    """The page of the command line."""
    parts = [NOTE, "# Commands\n", "```text", _help(coldforge, "coldforge"), "```\n"]
    for name, command in _walk(coldforge, "coldforge"):
        parts += [f"## `{name}`\n", "```text", _help(command, name), "```\n"]
    return "\n".join(parts)


def _walk(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    for name in sorted(group.commands):
        command = group.commands[name]
        if isinstance(command, click.Group):
            yield from _walk(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def _help(command: click.Command, name: str) -> str:
    names = coldforge.context_settings["help_option_names"]  # which a command has from its group
    context = click.Context(command, info_name=name, max_content_width=100, terminal_width=100, help_option_names=names)
    return command.get_help(context).rstrip()


def configuration() -> str:
    """The page of `[tool.coldforge]` and matrix.yml."""
    sections = {
        "[tool.coldforge]": config.Config,
        "[tool.coldforge.executables.NAME]": config.ExecutableConfig,
        "[tool.coldforge.executables.NAME.actions.ID]": desktop.Action,
        "[[tool.coldforge.executables.NAME.file-associations]]": desktop.FileAssociation,
        **{f"[tool.coldforge.{name}]": table for name, table in _tables()},
        "[tool.coldforge.linux.scripts]": linux.Scripts,
        "matrix.yml: targets.TARGET": config.TargetConfig,
    }
    intro = (
        "Everything has a default: a project with a `[project.scripts]` entry needs no configuration.\n"
        "`coldforge.toml` takes the same keys without the `tool.coldforge` prefix, for a project without a pyproject.toml.\n"
        "So does a file that `--config FILE`, or the action's input `config`, names instead of both: a project may have several, each for\n"
        "a release of its own. The manifest records which it was, and a rebuild takes that.\n"
        "Unknown keys are refused, with file, line and the nearest known key.\n"
    )
    parts = [NOTE, "# Configuration\n", intro]
    for title, struct in sections.items():
        parts += [f"## `{title}`\n", "| key | type | default | meaning |", "|---|---|---|---|", *_keys(struct), ""]
        parts += _decided() if title == OPTIONS else []
    return "\n".join(parts)


def _tables() -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """The tables of the configuration that are no lists of something."""
    hints = get_type_hints(config.Config)
    yield from ((field.encode_name, hints[field.name]) for field in msgspec.structs.fields(config.Config) if _is_struct(hints[field.name]))


def _decided() -> list[str]:
    """The options of PyInstaller that are no keys."""
    rows = [f"| `{option}` | {reason} |" for option, reason in pyinstaller.DECIDED.items()]
    return ["What coldforge decides in the place of PyInstaller's other options:\n", "| option | instead |", "|---|---|", *rows, ""]


def _keys(struct: type[msgspec.Struct]) -> Iterator[str]:
    hints = get_type_hints(struct, include_extras=True)
    for key in msgspec.structs.fields(struct):
        hint = hints[key.name]
        text = "a table of its own, below"
        if get_origin(hint) is Annotated:
            hint, meta = get_args(hint)[:2]
            text = meta.description
        elif not _is_struct(hint):
            text = ""
        if _is_struct(hint):
            continue
        yield f"| `{key.encode_name}` | {_type(hint)} | {_default(key)} | {text} |"


def _is_struct(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def _type(hint: Any) -> str:
    words = {str: "text", bool: "true or false", int: "whole number"}
    if hint in words:
        return words[hint]
    arguments = get_args(hint)
    if get_origin(hint) is Annotated or type(None) in arguments:
        return _type(arguments[0])
    if get_origin(hint) is Literal:
        return " or ".join(f"`{value}`" for value in arguments if value != "")
    if get_origin(hint) is tuple:
        if get_origin(arguments[0]) is Literal:
            return f"list of {_type(arguments[0])}"
        return "list of tables" if _is_struct(arguments[0]) else f"list of {_type(arguments[0])}s"
    return "table"


def _default(key: Any) -> str:
    if key.default is msgspec.NODEFAULT:
        return "required" if key.default_factory is msgspec.NODEFAULT else "empty"
    value = list(key.default) if isinstance(key.default, tuple) else key.default
    return f"`{json.dumps(value)}`" if value not in ("", [], None) else "empty"


def policy() -> str:
    """The page of the verification policy."""
    intro = (
        "A TOML file that says what `coldforge verify --policy FILE` demands. `repository`, or `identity` together with\n"
        "`issuer`, or a `key` must be there; every other key narrows that further.\n"
        "Options of the command line narrow a policy and never widen it.\n"
        "Comparisons are exact, or anchored at both ends. Unknown keys are refused, with file, line and the nearest known key.\n"
    )
    example = '```toml\nrepository = "owner/app"\ntrigger = "push"\nworkflows = ["owner/app/.github/workflows/release.yml"]\n```\n'
    head = ["| key | type | default | meaning |", "|---|---|---|---|"]
    names = [
        "## `[rebuilders.NAME]`\n",
        "One of the roster; see [how they are counted](../how-to/verify.md#demand-that-others-built-it-again).\n",
    ]
    return "\n".join([NOTE, "# Policy file\n", intro, example, *head, *_keys(Policy), "", *names, *head, *_keys(Rebuilder), ""])


def action() -> str:
    """The page of the composite action."""
    data = yaml.safe_load((ROOT / "action.yml").read_text())
    parts = [NOTE, "# The action\n", data["description"] + "\n", "## Inputs\n", "| input | default | meaning |", "|---|---|---|"]
    parts += [f"| `{name}` | {_quoted(item.get('default', ''))} | {_cell(item)} |" for name, item in data["inputs"].items()]
    parts += ["", "## Outputs\n", "| output | meaning |", "|---|---|"]
    parts += [f"| `{name}` | {_cell(item)} |" for name, item in data["outputs"].items()]
    return "\n".join([*parts, ""])


def _quoted(value: object) -> str:
    return f"`{value}`" if value != "" else "empty"


def _cell(item: dict[str, Any]) -> str:
    return " ".join(str(item["description"]).split()).replace("|", "\\|")


def gates() -> str:
    """The page of the gates."""
    intro = (
        "What a freeze checks before its result is taken. An error stops the build; a warning is shown. The manifest keeps every finding.\n"
        "Each gate can be relaxed by name, with a reason that goes into the manifest too:\n"
    )
    example = '```toml\n[tool.coldforge.gates]\nmissing-library = "libfoo is loaded only on machines that have a Foo"\n```\n'
    parts = [NOTE, "# Gates\n", intro, example]
    for gate in GATES.values():
        parts += [f"## `{gate.name}`\n", f"**{gate.title}** ({gate.level}).\n", f"{gate.meaning}\n", f"*What to do:* {gate.fix}\n"]
    return "\n".join(parts)


def schemas() -> str:
    """The page of the documents' schemas."""
    parts = [NOTE, "# Schemas\n", "`coldforge schema NAME` prints one; editors and other programs can use them.\n"]
    for name, document in sorted(schema(None).items()):
        text = json.dumps(document, indent=2, sort_keys=True)
        parts += [f"## {name}\n", "```json", text, "```\n"]
    return "\n".join(parts)


PAGES = {
    "commands.md": commands,
    "configuration.md": configuration,
    "gates.md": gates,
    "action.md": action,
    "policy.md": policy,
    "schemas.md": schemas,
}


def main() -> int:
    """Write the pages, or with --check name those that are not up to date."""
    stale = []
    for name, page in PAGES.items():
        path, text = DOCS / "reference" / name, page()
        if not path.is_file() or path.read_text() != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text)
    if stale and "--check" in sys.argv:
        print(f"not up to date: {', '.join(stale)}; run python docs/generate.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
