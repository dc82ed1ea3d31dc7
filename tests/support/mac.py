"""Trees and jobs for the formats of macOS: everything that packaging can break."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace
from PIL import Image

from coldforge.bundle import BundleJob
from coldforge.bundle.formats import BUNDLERS
from coldforge.bundle.tree import Node, Tree, sorted_with_folders
from coldforge.host import files
from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, Executable, Matrix, Product, TargetConfig
from coldforge.records import MANIFEST, Artifact, Manifest, Payload, SourceRecord, TargetRecord, canonical
from support import machos, payloads
from support.releases import ENVIRONMENT

TARGET: Final = "macos-aarch64"
MANY: Final = 700  # more than one node of a catalog, or one page of a bill of materials, has room for
PRODUCT: Final[Product] = replace(
    payloads.PRODUCT,
    identifier="org.example.demo",
    display_name="Démo",
    license_files=(),
    executables=(Executable(name="demo", entry="demo", console=False),),
)
FILES: Final[Mapping[str, bytes]] = {
    "demo": machos.synthetic(),
    "_internal/noise.bin": bytes(range(256)) * 1200,
    "_internal/größe: é [1] {a} 100%.txt": b"names\n",
    "_internal/日本語/\uff26ULL ǅ Ⅳ": b"x" * 4096,
    "_internal/Empty": b"",
    "_internal/b\\$HOME": b"strange\n",
    **{f"_internal/many/{number % 7}/File {number}.py": b"%d\n" % number * (number % 50) for number in range(MANY)},
}
LINKS: Final = {"links": "_internal/many", "_internal/to größe": "größe: é [1] {a} 100%.txt"}


def tree(folder: Path, *, below: str = "", reverse: bool = False) -> Tree:
    """The tree, its files written to `folder`; `reverse` turns the order in which that is done."""
    folder.mkdir(parents=True, exist_ok=True)
    nodes = []
    for number, (path, data) in enumerate(sorted(FILES.items(), reverse=reverse)):
        source = folder / str(number)
        source.write_bytes(data)
        os.utime(source, (0, 1_000_000 if reverse else 2_000_000))
        mode = 0o755 if path == "demo" else 0o644
        nodes.append(Node(path=f"{below}{path}", mode=mode, size=len(data), source=source))
    nodes += [Node(path=f"{below}{path}", mode=0o777, link=link) for path, link in LINKS.items()]
    return Tree(nodes=sorted_with_folders([*nodes, Node(path=f"{below}_internal/leer", mode=0o755)]), epoch=payloads.EPOCH)


def told(found: Tree) -> dict[str, tuple[str, str, str]]:
    """Kind, mode and what is in it of every entry, as the tests compare it; a link has no mode that anything goes by."""
    kinds = {True: "directory", False: "file"}
    return {
        node.path: ("link", "", node.link) if node.link else (kinds[node.is_directory], f"{node.mode:o}", node.digest("md5"))
        for node in found
    }


def job(folder: Path, form: str, product: Product = PRODUCT, config: Config | None = None) -> BundleJob:
    """A job for one format, in a project that has a picture and texts."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = Image.linear_gradient("L").resize((600, 300))
    picture.save(folder / "picture.png", dpi=(72, 72))
    picture.save(folder / "sharp.png", dpi=(144, 144))
    (folder / "agreement.txt").write_text("Do as you like… é.\n", encoding="utf-8")
    matrix = Matrix(targets={TARGET: TargetConfig(formats=(form,), floor="")})
    plan = make_plan(product=product, config=config or Config(), source=SourceRecord(epoch=payloads.EPOCH), matrix=matrix, coldforge="0")
    payload = Payload(target=TARGET, freezer="command", key="k", files=(), environment=ENVIRONMENT)
    (target,) = plan.targets
    return BundleJob(project=folder, plan=plan, target=target, artifact=target.artifacts[0], payload=payload, folder=folder)


def made(found: BundleJob, content: Tree) -> Path:
    """The artifact of a job."""
    out = found.folder / found.artifact.name
    BUNDLERS[found.artifact.format]().bundle(found, content, out)
    return out


@contextmanager
def elsewhere() -> Iterator[None]:
    """Another time zone, umask and number of processors while the block runs."""
    before = os.umask(0o077)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TZ", "Pacific/Chatham")
            time.tzset()
            patch.setattr(os, "cpu_count", lambda: 7)
            yield
    finally:
        os.umask(before)
        time.tzset()


def release(dist: Path, form: str, scratch: Path) -> Path:
    """A release in `dist` of one artifact that nobody has signed."""
    whole = made(job(scratch / "project", form), tree(scratch / "tree"))
    path = dist / TARGET / whole.name
    path.parent.mkdir(parents=True)
    shutil.copyfile(whole, path)
    size, sha256 = path.stat().st_size, files.sha256(path)
    artifact = Artifact(name=path.name, path=f"{TARGET}/{path.name}", target=TARGET, format=form, size=size, sha256=sha256)
    record = TargetRecord(
        target=TARGET, freezer="pyinstaller", payload_digest="d", payload_size=1, environment=ENVIRONMENT, artifacts=(artifact,)
    )
    manifest = Manifest(coldforge="0", product="demo", version="1.2.0-rc.1", source=SourceRecord(epoch=payloads.EPOCH), targets=(record,))
    for place in (dist / MANIFEST, dist / TARGET / MANIFEST):
        place.write_bytes(canonical(manifest))
    return dist


def signed(path: Path, folder: Path) -> Path:
    """An image or a package, signed by a certificate that nobody knows: by apple-platform-rs, the same bytes each time."""
    import apple_platform as apple
    from apple_platform import certificates

    key = folder / "key.p12"
    if not key.exists():
        key.write_bytes(certificates.generate_self_signed(person_name="Some Body", country_name="DE").to_p12("secret"))
    out = folder / f"signed{path.suffix}"
    name = "org.example.demo" if path.suffix == ".dmg" else None
    signer = apple.Signer(p12=apple.P12Key(path=str(key), password="secret"))  # of a key that is made here
    apple.sign(str(path), str(out), signer=signer, timestamp_url="none", signing_time="2023-11-14T22:13:20Z", binary_identifier=name)
    return out
