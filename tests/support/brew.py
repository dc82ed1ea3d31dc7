"""Releases for macOS, as shops are told of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, Executable, Matrix, Product, TargetConfig
from coldforge.records import MANIFEST, Artifact, Manifest, SourceRecord, TargetRecord, canonical
from coldforge.shops import stage
from support.payloads import PRODUCT, snapshot
from support.releases import ENVIRONMENT

BOTH: Final[Product] = replace(
    PRODUCT,
    version="1.2.0",
    name="My.Demo",
    identifier="org.example.demo",
    display_name='Demo "#{x}"',
    summary="The demonstration of names.",
    executables=(Executable(name="demo", entry="demo:main"), Executable(name="window", entry="demo:window", console=False)),
)
ARM, INTEL = "macos-aarch64", "macos-x86_64"


def told(tmp_path: Path, *, product: Product = BOTH, targets: dict[str, Any] | None = None) -> dict[str, str]:
    """The files about a release, by path: each target has a floor and formats."""
    targets = targets or {name: {"floor": "12.0", "formats": ("dmg", "app.zip", "tar.gz")} for name in (ARM, INTEL)}
    source = SourceRecord(commit="a" * 40, tag="v1.2.0", repository="acme/demo", epoch=1_700_000_000)
    matrix = Matrix(targets={name: TargetConfig(**given) for name, given in targets.items()})
    plan = make_plan(product=product, config=Config(), source=source, matrix=matrix, coldforge="0")
    records = []
    for target in plan.targets:
        made = [
            Artifact(name=a.name, path=a.name, target=target.target, format=a.format, size=1, sha256="ab" * 32) for a in target.artifacts
        ]
        facts: dict[str, Any] = {"freezer": "f", "payload_digest": "4" * 64, "payload_size": 1, "environment": ENVIRONMENT}
        records.append(TargetRecord(target=target.target, artifacts=tuple(made), **facts))
    manifest = Manifest(coldforge="0", product=product.name, version=product.version, source=source, targets=tuple(records))
    (tmp_path / MANIFEST).write_bytes(canonical(manifest))
    (tmp_path / stage.PLAN).write_bytes(canonical(plan))
    stage.write(tmp_path, tmp_path / "out")
    return {path: data.decode() for path, data in snapshot(tmp_path / "out").items()}
