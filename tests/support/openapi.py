"""GitHub's own description of its API, as a judge of what our client asks and our fake answers.

The description is the npm package @octokit/openapi; COLDFORGE_OPENAPI names its api.github.com.json.
"""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from support.require import need

Problem = str


def available() -> bool:
    """Whether the description is here."""
    return Path(os.environ.get("COLDFORGE_OPENAPI", "")).is_file()


def require() -> None:
    """Skip or fail the calling test without the description."""
    need("openapi", available=available(), how="npm install @octokit/openapi@23.0.2, and name its api.github.com.json in COLDFORGE_OPENAPI")


@cache
def _document() -> dict[str, Any]:
    document = json.loads(Path(os.environ["COLDFORGE_OPENAPI"]).read_text())
    return {"paths": document["paths"], "components": _converted(document["components"])}


def _converted(node: Any) -> Any:
    """OpenAPI 3.0's `nullable` as JSON Schema says it; examples are no schemas."""
    if isinstance(node, list):
        return [_converted(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _converted(value) for key, value in node.items() if key not in ("nullable", "example", "examples", "discriminator")}
    if node.get("nullable"):
        return {"anyOf": [plain, {"type": "null"}]}
    return plain


@cache
def _operation(method: str, path: str) -> tuple[str, dict[str, Any]]:
    for template, item in _document()["paths"].items():
        pattern = re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
        if method.lower() in item and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", re.sub(r"\{(ref|tag)\}", ".+", pattern)), path):
            return template, item[method.lower()]
    raise AssertionError(f"GitHub has no {method} {path}")


@cache
def _validator(method: str, path: str, where: str) -> Draft202012Validator | None:
    _, operation = _operation(method, path)
    holder = operation.get("requestBody") if where == "request" else operation["responses"].get(where)
    if holder is None:
        raise AssertionError(f"GitHub does not describe {where} of {method} {path}")
    if "$ref" in holder:
        name = holder["$ref"].rpartition("/")[2]
        holder = _document()["components"]["responses"][name]
    content = holder.get("content", {}).get("application/json")
    if content is None:
        return None
    return Draft202012Validator({**_converted(content["schema"]), "components": _document()["components"]})


def check(method: str, path: str, where: str, document: Any) -> list[Problem]:
    """What GitHub's description says against a document. `where` is `request` or a status."""
    validator = _validator(method, path, where)
    if validator is None:
        return []
    return [
        f"{method} {path} {where}: {'/'.join(map(str, error.path))}: {error.message[:200]}" for error in validator.iter_errors(document)
    ]


def check_parameters(method: str, path: str, names: set[str]) -> list[Problem]:
    """Query parameters that GitHub does not know."""
    _, operation = _operation(method, path)
    known = set()
    for parameter in operation.get("parameters", []):
        shared = parameter.get("$ref", "").rpartition("/")[2]
        known.add((_document()["components"]["parameters"][shared] if shared else parameter)["name"])
    return [f"{method} {path}: unknown parameter {name}" for name in sorted(names - known)]
