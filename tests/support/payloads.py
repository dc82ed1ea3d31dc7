"""Payloads made by hand: small trees with everything that packaging can break, and their plans."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from coldforge.bundle import BundleJob
from coldforge.plan.model import Plan
from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, DebConfig, Executable, Matrix, Product, TargetConfig
from coldforge.records import FileEntry, Origin, Payload, SourceRecord, canonical
from support.releases import ENVIRONMENT

TARGET: Final = "linux-x86_64"
EPOCH: Final = 1_700_000_000
DEB: Final = "demo_1.2.0-rc.1_amd64.deb"
ARCHIVE: Final = "demo-1.2.0-rc.1-linux-x86_64.tar.gz"
ONE: Final = "demo-1.2.0-rc.1-linux-x86_64"
PRODUCT: Final = Product(
    name="demo",
    version="1.2.0rc1",
    summary="A demonstration of names and links.",
    description="It shows that names, links and empty folders survive.",
    license="MIT",
    license_files=("LICENSE", "vendor/COPYING"),
    homepage="https://demo.example.org",
    maintainer="Somebody <somebody@example.org>",
    display_name="demo",
    executables=(Executable(name="demo", entry="demo:main"),),
)
FILES: Final = {
    "demo": '#!/bin/sh\nexec cat "$(dirname "$(readlink -f "$0")")/_internal/größe {a}[b].txt"\n',
    "_internal/größe {a}[b].txt": "it runs\n",
    "_internal/lib/libthing.so.1": "a library\n",
    "_internal/data/a b/c": "deep\n",
    "_internal/data/$HOME": "no variable\n",
    "_internal/data/ back\\slash ~%s'\"": "strange\n",
    "_internal/click-8.1.0.dist-info/METADATA": "Metadata-Version: 2.4\nName: click\nLicense-Expression: BSD-3-Clause\n\nLicense: no\n",
}
EXECUTABLE: Final = ("demo", "_internal/lib/libthing.so.1")
LINKS: Final = {"_internal/libthing.so": "lib/libthing.so.1", "_internal/all": "data"}
EMPTY: Final = "_internal/empty"


def make(folder: Path, product: Product = PRODUCT, config: Config | None = None, *, reverse: bool = False) -> tuple[Plan, Payload]:
    """A project in `folder`, its plan for all formats, and its payload in `dist/`; `reverse` turns the order of creation."""
    root = folder / "dist" / TARGET / "payload"
    for name, text in sorted({f"payload/{name}": text for name, text in FILES.items()}.items(), reverse=reverse):
        _write(root.parent / name, text, executable=name.removeprefix("payload/") in EXECUTABLE)
    (root / EMPTY).mkdir()
    for name, target in LINKS.items():
        (root / name).symlink_to(target)
    _write(root.parent / "onefile" / "demo", "#!/bin/sh\necho one\n", executable=True)
    _write(folder / "LICENSE", "Copyright (c) 2021-2023 Some Body\n\nDo as you like.\n")
    _write(folder / "vendor" / "COPYING", "Take it.\n")
    formats: tuple[str, ...] = ("tar.gz", "tar.zst", "onefile", "deb", "rpm", "arch", "apk", "ipk", "appimage", "snap", "sbom")
    formats += ("zsync",) if config and config.appimage.update else ()
    formats += ("flatpak",) if product.identifier else ()  # it has no other name
    matrix = Matrix(targets={TARGET: TargetConfig(formats=formats)})
    config = config or Config(deb=DebConfig(depends=("zlib1g",)))
    plan = make_plan(product=product, config=config, source=SourceRecord(epoch=EPOCH), matrix=matrix, coldforge="0")
    payload = payload_of(root)
    (root.parent / "payload.json").write_bytes(canonical(payload))
    return plan, payload


def _write(path: Path, text: str, *, executable: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755 if executable else 0o644)


def payload_of(root: Path) -> Payload:
    """The index of a tree, and of the one-file programs beside it."""
    files = tuple(entry(path, root) for path in sorted(root.rglob("*")) if path.is_symlink() or path.is_file() or not any(path.iterdir()))
    single = root.parent / "onefile"
    singles = tuple(entry(path, single) for path in sorted(single.iterdir())) if single.is_dir() else ()
    return Payload(
        target=TARGET, freezer="pyinstaller", key="k", files=files, singles=singles, environment=ENVIRONMENT, glibc_floor="glibc-2.31"
    )


def entry(path: Path, root: Path) -> FileEntry:
    """What the index says of one file, link or empty folder."""
    name = path.relative_to(root).as_posix()
    click = "click-" in name
    origin = Origin(kind="distribution", name="click", version="8.1.0") if click else Origin(kind="application", name="demo")
    if path.is_symlink():
        return FileEntry(path=name, kind="link", link=path.readlink().as_posix(), origin=origin)
    if path.is_dir():
        return FileEntry(path=name, kind="directory", mode=0o755, origin=origin)
    data, executable = path.read_bytes(), name in EXECUTABLE
    kind, mode = ("executable", 0o755) if executable else ("data", 0o644)
    return FileEntry(path=name, kind=kind, mode=mode, size=len(data), sha256=hashlib.sha256(data).hexdigest(), origin=origin)  # type: ignore[arg-type]  # one of the two words above


def job(folder: Path, form: str, product: Product = PRODUCT, config: Config | None = None, **payload: object) -> BundleJob:
    """A job for one format of a project made in `folder`; `payload` replaces fields of its index."""
    plan, made = make(folder, product, config)
    target = plan.targets[0]
    artifact = next(artifact for artifact in target.artifacts if artifact.format == form)
    return BundleJob(
        project=folder, plan=plan, target=target, artifact=artifact, payload=replace(made, **payload), folder=folder / "dist" / TARGET
    )


def replaced(job: BundleJob, **payload: object) -> BundleJob:
    """The job with other fields of its payload's index."""
    return dataclasses.replace(job, payload=replace(job.payload, **payload))


def snapshot(folder: Path) -> Mapping[str, bytes]:
    """All files below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
