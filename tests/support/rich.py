"""A product that has everything which a Linux system can be told of, made by hand."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from coldforge.plan.model import Plan
from coldforge.project.config import Executable, Product
from coldforge.project.desktop import Action, FileAssociation
from coldforge.records import Payload
from support import payloads

ID: Final = "org.example.demo"
SVG: Final = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><circle cx="5" cy="5" r="5" fill="#063"/></svg>\n'
PRODUCT: Final[Product] = replace(
    payloads.PRODUCT,
    identifier=ID,
    display_name="Démo & more",
    icon="assets/demo.png",
    categories=("Development", "Own"),
    generic_name="Demonstrator",
    keywords=("names", "links"),
    urls={"issues": "https://demo.example.org/issues", "documentation": "https://demo.example.org/docs"},
    executables=(
        Executable(name="demo", entry="demo:main", url_schemes=("demo-tell",)),
        Executable(
            name="demo-gui",
            entry="demo:gui",
            console=False,
            url_schemes=("demo",),
            file_associations=(
                FileAssociation(
                    mime_type="application/x-demo", extensions=("demo", "demo.gz"), name="Demo document", icon="assets/file.svg"
                ),
                FileAssociation(mime_type="text/plain"),
            ),
            actions={"new": Action(name="New window", arguments=("--new", "a b"))},
            startup_notify=True,
        ),
    ),
)


def make(folder: Path) -> tuple[Plan, Payload]:
    """A project in `folder` with its files, its plan and its payload."""
    from PIL import Image

    plan, payload = payloads.make(folder, PRODUCT)
    (folder / "assets").mkdir()
    buffer = io.BytesIO()
    Image.new("RGBA", (512, 512), (0, 90, 50, 255)).save(buffer, "PNG")
    (folder / PRODUCT.icon).write_bytes(buffer.getvalue())
    (folder / "assets" / "file.svg").write_text(SVG)
    return plan, payload
