"""What each freezer demands of a configuration."""

from __future__ import annotations

import re
import shlex
from typing import Final, get_args

from coldforge.project.config import CommandConfig, Config, EntryPoint
from coldforge.project.read import Findings, Part

_FUNCTION: Final = re.compile(get_args(EntryPoint)[1].pattern)
_INSIDE: Final = re.compile(r"(?!/)(?!(.*/)?\.\.(/|$)).+")
_LINES: Final = ("prepare", "run", "tools")


def check_freezer(config: Config, tool: Part, findings: Findings) -> None:
    """Find what does not fit the configured freezer: entries of another kind, commands that are missing or that nobody runs."""
    commands = config.freezer == "command"
    for name, executable in config.executables.items():
        if executable.entry and not (_INSIDE if commands else _FUNCTION).fullmatch(executable.entry):
            what = "a path in the tree that the commands make" if commands else "package.module:function"
            findings.add(f"'entry' must be {what}, not {executable.entry!r}", tool.where("executables", name, "entry"))
    if commands:
        _commands(config.command, tool, findings)
    elif "command" in tool.content:
        findings.add(f"the freezer {config.freezer!r} runs no commands", tool.where("command"), 'write freezer = "command"')


def _commands(command: CommandConfig, tool: Part, findings: Findings) -> None:
    if not command.run:
        example = 'run = ["go build -trimpath -o {out}/demo ."]'
        where = tool.where("command" if "command" in tool.content else "freezer")
        findings.add("there is no command that makes anything", where, f"write, for example, {example}")
    for key in _LINES:
        for line in getattr(command, key):
            if problem := line_problem(line):
                findings.add(f"{line!r} is no command line: {problem}", tool.where("command", key))


def line_problem(line: str) -> str:
    """Why a text is no command line; empty when it is one."""
    try:
        return "" if shlex.split(line) else "it is empty"
    except ValueError as error:
        return str(error).lower()
