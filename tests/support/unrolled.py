"""A workflow with its matrix written out, job by job, and one job of it alone: what act 0.2.89 cannot do by itself.

Of a matrix act keeps the outputs of the leg that ends first only, where GitHub joins those of all; it does not know
`continue-on-error` of jobs; and it runs no job again without those before it. A leg is a job of its own here, with a matrix of that
one leg; nothing else of it is changed, but that a failing step of an optional one does not end the run.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

Job = dict[str, Any]
OPTIONAL: Final = "${{ !matrix.required }}"


def unroll(path: Path, legs: Sequence[Mapping[str, Any]]) -> None:
    """Write the jobs of a matrix out in the workflow at `path`: each once for every leg."""
    document = _read(path)
    names = {name: [f"{name}-{leg['target']}" for leg in legs] for name, job in document["jobs"].items() if "strategy" in job}
    jobs: dict[str, Job] = {}
    for name, job in document["jobs"].items():
        if name in names:
            jobs |= {one: _leg(job, leg) for one, leg in zip(names[name], legs, strict=True)}
        else:
            jobs[name] = job
    for job in jobs.values():
        needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        job["needs"] = [one for name in needs for one in names.get(name, [name])]
    joined = {_outputs(name): "\n".join(map(_outputs, ones)) for name, ones in names.items()}
    _write(path, {**document, "jobs": _replaced(jobs, joined)})


def alone(path: Path, name: str, outputs: Mapping[str, Mapping[str, str]]) -> None:
    """Leave one job in the workflow at `path`, as when it is run again: with what the jobs before it told then, by their names."""
    document = _read(path)
    job = {key: value for key, value in document["jobs"][name].items() if key != "needs"}
    told = {_outputs(other): json.dumps(given) for other, given in outputs.items()}
    told |= {f"${{{{ needs.{other}.outputs.{key} }}}}": value for other, given in outputs.items() for key, value in given.items()}
    on = document["on"]["workflow_call"]
    on["outputs"] = {key: value for key, value in on["outputs"].items() if f"jobs.{name}." in value["value"]}
    _write(path, {**document, "jobs": {name: _replaced(job, told)}})


def _leg(job: Job, leg: Mapping[str, Any]) -> Job:
    made = copy.deepcopy(job)
    made["strategy"] = {"matrix": {"include": [dict(leg)]}}
    assert made.pop("continue-on-error") == OPTIONAL
    if not leg["required"]:
        for step in made["steps"]:
            step["continue-on-error"] = True
    return made


def _outputs(job: str) -> str:
    return f"${{{{ toJSON(needs.{job}.outputs) }}}}"


def _replaced(value: Any, words: Mapping[str, str]) -> Any:
    """A document with words of its texts replaced."""
    if isinstance(value, dict):
        return {key: _replaced(item, words) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, words) for item in value]
    if isinstance(value, str):
        for word, other in words.items():
            value = value.replace(word, other)
    return value


def _read(path: Path) -> dict[Any, Any]:
    document = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in document.items()}  # YAML 1.1 takes `on` for a truth


def _write(path: Path, document: Mapping[Any, Any]) -> None:
    path.write_text(yaml.safe_dump(document, sort_keys=False, width=10_000))
