"""A product that has everything which a Linux system can be told of, made by hand."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from coldforge.plan.model import Plan
from coldforge.project.config import Config, Executable, Product
from coldforge.project.desktop import Action, FileAssociation
from coldforge.project.linux import LinuxConfig, Scripts
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


LINUX: Final = LinuxConfig(
    files={
        "/etc/demo/größe.conf": "system/demo.conf",
        "/usr/share/demo-data": "system/data",
        "/var/lib/demo": "system/empty",
        "/usr/libexec/demo-aid": "system/aid.sh",
    },
    units=("system/demo.service", "system/demo@.service", "system/demo.timer"),
    user_units=("system/demo-user.service",),
    scripts=Scripts(
        before_install="system/before.sh", after_install="system/after.sh", before_remove="system/before.sh", after_remove="system/after.sh"
    ),
)
_SYSTEM: Final = {
    "demo.conf": "colour = green\n",
    "data/Ünïcode name.txt": "text\n",
    "data/tool": "#!/bin/sh\nexit 0\n",
    "aid.sh": "#!/bin/sh\necho aid\n",
    "demo.service": "[Unit]\nDescription=Demo\n\n[Service]\nExecStart=/usr/bin/demo\n\n[Install]\nWantedBy=multi-user.target\n",
    "demo@.service": "[Unit]\nDescription=Demo %i\n\n[Service]\nExecStart=/usr/bin/demo %i\n",
    "demo.timer": "[Unit]\nDescription=Demo now and then\n\n[Timer]\nOnCalendar=daily\n\n[Install]\nWantedBy=timers.target\n",
    "demo-user.service": "[Unit]\nDescription=Demo of a user\n\n[Service]\nExecStart=/usr/bin/demo\n",
    "before.sh": '#!/bin/sh\necho "before $1" >> "${DEMO_LOG:-/var/log/demo-scripts}"\nexit 0\n',
    "after.sh": '#!/bin/sh -e\necho "after $1" >> "${DEMO_LOG:-/var/log/demo-scripts}"\n',
}


def make(folder: Path, *, version: str = PRODUCT.version, vendor: str = "") -> tuple[Plan, Payload]:
    """A project in `folder` with its files, its plan and its payload; each version has another configuration file."""
    from PIL import Image

    plan, payload = payloads.make(folder, replace(PRODUCT, version=version), Config(linux=replace(LINUX, vendor=vendor)))
    for name, text in _SYSTEM.items():
        path = folder / "system" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if name in ("data/tool", "aid.sh") else 0o644)
    (folder / "system" / "demo.conf").write_text(f"# of {version}\ncolour = green\n")
    (folder / "system" / "empty").mkdir()
    (folder / "system" / "data" / "hollow").mkdir()
    (folder / "system" / "data" / "link").symlink_to("tool")
    for name in ("demo.bash", "_demo", "demo.fish"):
        (folder / "completions").mkdir(exist_ok=True)
        (folder / "completions" / name).write_text(f"# {name}\n")
    (folder / "CHANGES.md").write_text("# Changes\n\n- All of it.\n")
    (folder / "assets").mkdir()
    buffer = io.BytesIO()
    Image.new("RGBA", (512, 512), (0, 90, 50, 255)).save(buffer, "PNG")
    (folder / PRODUCT.icon).write_bytes(buffer.getvalue())
    (folder / "assets" / "file.svg").write_text(SVG)
    return plan, payload
