"""`dmg`: a disk image for macOS, which opens a window with the application and a link to where it is drawn to.

Demo.app        Applications -> /Applications        .background/picture.png, .DS_Store (how the window looks)
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Final

from coldforge.bundle import BundleJob
from coldforge.bundle.macos import agreement, finder, hfs, udif
from coldforge.bundle.macos import shared as macos
from coldforge.bundle.tree import Node, Tree, sorted_with_folders
from coldforge.errors import ConfigurationError, Location
from coldforge.host import files
from coldforge.plan import macos as plan
from coldforge.plan import names
from coldforge.project.config import Config, Product
from coldforge.project.dmg import WINDOW
from coldforge.records import digest_of

LINK: Final = "Applications"
_FOLDER: Final = ".background"
_SHARP: Final = 100  # pixels an inch: a picture that has more is drawn for screens of twice 72


class Dmg:
    """Lays out the volume and compresses it while it is read."""

    format = "dmg"
    templates: tuple[str, ...] = ()
    settings: tuple[str, ...] = ("dmg", "macos", "icon", "pyinstaller")
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        return f"{udif.tool()}, Pillow {version('pillow')}"

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        config = job.plan.config.dmg
        with files.scratch("dmg") as folder:
            content = laid_out(job, tree, folder)
            hfs.check(content, job.artifact.name)
            name = volume_name(job.plan.product, job.plan.config)
            hidden = {finder.NAME, _FOLDER}
            volume = hfs.Volume(name=name, tree=content, identity=_identity(job), hidden=hidden)
            more = agreement.resources(job.project / config.license) if config.license else None
            with out.open("wb") as stream:
                udif.write(hfs.write(volume), stream, more)


def volume_name(product: Product, config: Config) -> str:
    """What the volume is called."""
    said = config.dmg.volume or f"{plan.display_name(product)} {names.semver(names.Version.parse(product.version))}"
    return said.replace("/", "-").replace(":", "-").strip(". ")


def _identity(job: BundleJob) -> int:
    """The number that macOS knows the volume by: another one for each content."""
    return int(digest_of({"payload": job.payload.digest, "artifact": job.artifact.name})[:16], 16)


def laid_out(job: BundleJob, tree: Tree, scratch: Path) -> Tree:
    """Everything that is on the volume; what is made for it is written to `scratch`."""
    config = job.plan.config.dmg
    nodes = list(macos.app(job, tree, scratch))
    if config.link:
        nodes.append(Node(path=LINK, mode=0o777, link=f"/{LINK}"))
    if config.background:
        picture = job.project / config.background
        path = f"{_FOLDER}/background{picture.suffix.lower()}"
        nodes.append(Node(path=path, mode=0o644, size=picture.stat().st_size, source=picture))
    store = scratch / finder.NAME
    nodes.append(Node(path=finder.NAME, mode=0o644, size=finder.SIZE, source=store))
    found = Tree(nodes=sorted_with_folders(nodes), epoch=tree.epoch)
    store.write_bytes(finder.store(window(job, found)))
    return found


def window(job: BundleJob, content: Tree) -> finder.Window:
    """How the volume's window looks. Raises ConfigurationError for a picture that is none."""
    config, numbers = job.plan.config.dmg, hfs.numbers(content)
    picture = next((path for path in numbers if path.startswith(f"{_FOLDER}/")), "")
    size = config.window or (points(job.project / config.background) if picture else WINDOW)
    middle = size[1] // 2 - config.text_size  # a name is below each icon
    icons = {plan.app(job.plan.product): config.application or (size[0] // 4, middle)}
    if config.link:
        icons[LINK] = config.applications or (size[0] * 3 // 4, middle)
    return finder.Window(
        volume=volume_name(job.plan.product, job.plan.config),
        epoch=content.epoch,
        size=size,
        icon_size=config.icon_size,
        text_size=config.text_size,
        icons=icons,
        picture=finder.Picture(picture, numbers[_FOLDER], numbers[picture]) if picture else None,
    )


def points(picture: Path) -> tuple[int, int]:
    """Width and height of a picture as Finder shows it. Raises ConfigurationError when it is none."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(picture) as image:
            (width, height), density = image.size, float(image.info.get("dpi", (72, 72))[0])
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
        hint = "Open it in an image editor and save it again."
        raise ConfigurationError("the background cannot be read", where=Location(picture), why=str(error), hint=hint) from error
    scale = 2 if density > _SHARP else 1
    return width // scale, height // scale
