"""Without a lock: the environment as it was at the commit's time, so that the same commit gives the same one next year."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from coldforge.errors import BuildFailed
from coldforge.freeze.declared import check_hashes
from coldforge.freeze.lock import KEEP, RESOLVED, Lock, lacking, selection, uv
from coldforge.host.client import client_environment
from coldforge.host.clock import EARLIEST, iso
from coldforge.host.run import Completed, run
from coldforge.project.config import EnvironmentConfig
from coldforge.project.supply import closed, indexes, wheelhouse
from coldforge.report import reporter


def resolve(project: Path, config: EnvironmentConfig, *, epoch: int, python: str, platform: str = "") -> Lock:
    """What the project's dependencies resolve to for Python `python`, as of `epoch` (seconds since 1970, UTC).

    `platform` is uv's word for the system that it is for, where that is another than this.

    As of now, and said so, when there is no commit or the index tells no upload times. Raises BuildFailed, and ConfigurationError
    when a folder or a repository is among them.
    """
    words = [uv(), "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate"]
    words += ["--python-version", python, *selection(project, config, qualified=True), str(project / "pyproject.toml")]
    words += ["--python-platform", platform] if platform else []
    if folder := wheelhouse(project, config):
        words += closed(folder)
    env = {**os.environ, **indexes(project, os.environ)}
    client_environment(env)  # what it gives is the environment's own; what it holds is hidden from all output
    why, advice = lacking(project)
    with reporter().step(f"resolve the environment ({why})"):
        done, moment = _as_of(words, epoch, env)
    if done.code:
        raise BuildFailed(
            f"the project's dependencies could not be resolved as of {moment}", why=done.output[-1500:], hint=f"Lock them: {KEEP}"
        )
    text = done.output + "\n"
    check_hashes(project / "pyproject.toml", text)
    reporter().warn(f"{why}: the environment was resolved as of {moment} and is recorded in the manifest. {advice}")
    return Lock(name=RESOLVED, sha256=hashlib.sha256(text.encode()).hexdigest(), text=text)


def _as_of(words: list[str], epoch: int, env: Mapping[str, str]) -> tuple[Completed, str]:
    if epoch <= EARLIEST:
        return run(words, env=env, check=False), "now (there is no commit to take the time from)"
    done = run([*words, "--exclude-newer", iso(epoch)], env=env, check=False)
    if done.code and knows_no_times(done.output):
        return run(words, env=env, check=False), "now (the package index tells no upload times)"
    return done, f"{iso(epoch)} (the commit's time)"


def knows_no_times(output: str) -> bool:
    """Whether uv refused because the index says nothing about upload times.

    uv drops every file without a time; where it knows one its hint says when the file was published.
    """
    return "exclude-newer" in output and "published at" not in output
