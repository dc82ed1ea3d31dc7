"""The `command` freezer: any commands that leave a tree or one program, in the same workshop and phases as every freeze."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from coldforge.errors import BuildFailed, ColdforgeError
from coldforge.freeze import FreezeJob, Workshop
from coldforge.freeze.arrange import arrange, lone
from coldforge.freeze.finish import Frozen, finish, wants_one_file
from coldforge.freeze.sources import copy, source_files
from coldforge.host import files
from coldforge.host.programs import sha256
from coldforge.host.run import run, which
from coldforge.project.config import CommandConfig
from coldforge.records import Component, Environment, Payload
from coldforge.report import reporter
from coldforge.target import Target

MADE: Final = "made"  # the folder that commands know as {out}


class Command:
    """Runs the project's own commands: `prepare` with the network, `run` without."""

    name = "command"

    def inputs(self, job: FreezeJob) -> Mapping[str, Any]:
        """The commands, the variables that they see, and on this host the programs that they start."""
        config = job.plan.config.command
        return {
            "config": msgspec.to_builtins(config),
            "surroundings": surroundings(config, job.plan.source.epoch),
            "programs": {**_digests(config), **_said(config)} if job.image is None else {},
        }

    def freeze(self, job: FreezeJob, workshop: Workshop) -> Payload:
        """Raises BuildFailed, and Refused when a gate says that the result would not work."""
        config, product = job.plan.config.command, job.plan.product
        env = surroundings(config, job.plan.source.epoch)
        with files.scratch("job") as scratch:
            _make(job, workshop, env, scratch)
        own = Component(kind="application", name=product.name, version=product.version, license=product.license)
        here = {} if job.image else _digests(config)
        environment = msgspec.structs.replace(_record(workshop, config, env, job.out / "logs" / "system.log"), programs=here)
        frozen = Frozen(freezer=self.name, tree="out/payload", singles="out/onefile", environment=environment, components=(own,))
        return finish(job, workshop, frozen)


def _make(job: FreezeJob, workshop: Workshop, env: Mapping[str, str], scratch: Path) -> None:
    """Run the commands in a copy of the source, and arrange what they leave as `out/payload` and `out/onefile`."""
    config, executables = job.plan.config.command, job.plan.product.executables
    target = Target.parse(job.target.target)
    copy(job.project, source_files(job.project, job.out.parent), scratch / "source")
    (scratch / MADE).mkdir()
    for name in ("source", MADE):
        workshop.put(scratch / name, name)
    for network, lines in ((True, config.prepare), (False, config.run)):
        for line in lines:
            with reporter().step(line):
                argv, log = words(line, job, workshop), job.out / "logs" / "command.log"
                workshop.run(argv, env=env, network=network, log=log, folder="source")
    _fetch(workshop, config, scratch / "fetched")
    arrange(scratch / "fetched", scratch / "payload", executables, target)
    (scratch / "onefile").mkdir()
    if wants_one_file(job):
        lone(scratch / "payload", scratch / "onefile", executables, target)
    for name in ("payload", "onefile"):
        workshop.put(scratch / name, f"out/{name}")


def surroundings(config: CommandConfig, epoch: int) -> dict[str, str]:
    """The variables of the commands, beyond the workshop's own; what the user lets through comes first."""
    given = {name: os.environ[name] for name in config.environment if name in os.environ}
    return {**given, "SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"}


def words(line: str, job: FreezeJob, workshop: Workshop) -> list[str]:
    """A command line as words, with `{out}`, `{source}`, `{target}` and `{version}` filled in. Other braces are the command's own."""
    values = {"{out}": workshop.path(MADE), "{source}": workshop.path("source"), "{version}": job.plan.product.version}
    values["{target}"] = job.target.target
    return [re.sub("|".join(map(re.escape, values)), lambda found: values[found[0]], word) for word in shlex.split(line)]


def programs(config: CommandConfig) -> tuple[str, ...]:
    """The programs that the commands start, without those of the source itself."""
    names = {shlex.split(line)[0] for line in (*config.prepare, *config.run, *config.tools)}
    return tuple(sorted(name for name in names if _installed(name)))


def _installed(program: str) -> bool:
    """Whether it is there before anything runs; what the source has, or `prepare` makes, is in its folder.

    >>> _installed("go"), _installed("/opt/go/bin/go"), _installed("venv/bin/python")
    (True, True, False)
    """
    return "/" not in program or program.startswith("/")


def _digests(config: CommandConfig) -> dict[str, str]:
    """What the commands start on this host, by digest. Raises Missing for one that is not there."""
    for name in programs(config):
        which(name, hint="[tool.coldforge.command] starts it. Install it, or freeze in a container.")
    return {name: sha256(name) for name in programs(config)}


def _said(config: CommandConfig) -> dict[str, str]:
    """What the tools of this host say of themselves."""
    kept = {name: value for name, value in os.environ.items() if name == "PATH" or name in config.environment}
    with files.scratch("home") as home:
        asked = {line: argv for line in config.tools if _installed((argv := shlex.split(line))[0])}
        return {line: run(argv, cwd=home, env={**kept, "HOME": str(home)}, quiet=True).output for line, argv in asked.items()}


def _fetch(workshop: Workshop, config: CommandConfig, destination: Path) -> None:
    """What the commands left, copied out of the workshop. Raises BuildFailed when that is nothing, Refused when it leads elsewhere."""
    try:
        workshop.get(f"source/{config.output}" if config.output else MADE, destination)
    except BuildFailed as error:
        message = f"the commands did not make {config.output}"
        raise BuildFailed(message, hint="[tool.coldforge.command] output names what they leave, relative to the project.") from error
    if destination.is_dir() and not any(destination.iterdir()):
        where = config.output or "{out}"
        raise BuildFailed(f"the commands left nothing in {where}", hint="They must write there, or `output` must name what they leave.")


def _record(workshop: Workshop, config: CommandConfig, env: Mapping[str, str], log: Path) -> Environment:
    """Where it was made, and what the tools say of themselves."""
    release = re.search(r"^PRETTY_NAME=(.*)$", _asked(workshop, ["cat", "/etc/os-release"], log), re.MULTILINE)
    said = {line: workshop.run(shlex.split(line), env=env, network=False, log=log, folder="source") for line in config.tools}
    return Environment(
        tools={line: text.partition("\n")[0] for line, text in said.items()},
        workshop=workshop.identity,
        system="".join(shlex.split(release[1])) if release else "",
        glibc=_asked(workshop, ["getconf", "GNU_LIBC_VERSION"], log).replace(" ", "-"),
        network="off" if workshop.network_off else "not isolated",
    )


def _asked(workshop: Workshop, argv: Sequence[str], log: Path) -> str:
    """What a program says; nothing where there is no such program."""
    with suppress(ColdforgeError):
        return workshop.run(argv, env={}, network=False, log=log)
    return ""
