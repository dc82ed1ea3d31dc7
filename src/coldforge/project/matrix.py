"""`matrix.yml`: where a product is built. The project's own, else the default that coldforge ships."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from coldforge.project.config import Matrix, TargetConfig
from coldforge.project.read import Findings, read_yaml

NAME: Final = "matrix.yml"
# What our own matrix.yml says (a test keeps the two equal): a YAML parser costs as much to
# import as planning does, so a project without a matrix of its own is planned without one.
DEFAULT: Final = Matrix(
    targets={"linux-x86_64": TargetConfig(runner="ubuntu-24.04", container="linux", formats=("tar.gz", "onefile", "deb", "sbom"))}
)


def read_matrix(root: Path, findings: Findings) -> Matrix:
    """The matrix of the project at `root`."""
    own = root / NAME
    if not own.is_file():
        return DEFAULT
    document = read_yaml(own, findings)
    return document.typed(Matrix, findings) if document else Matrix()
