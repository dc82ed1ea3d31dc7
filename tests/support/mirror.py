"""A Python for uv to fetch, packed from one of this machine, and the place on the loopback where it lies."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from coldforge.freeze.interpreter import find_python

MARK = b"\0packed for a test"  # the end of the library
_LEFT_OUT = ("/test/", "/tests/", "__pycache__", "/site-packages/", "/dist-packages/", "/idlelib/", "/config-")
_ASK = """
import json, platform, sys, sysconfig
paths = [sysconfig.get_path("stdlib"), sysconfig.get_path("include")]
print(json.dumps([platform.python_version(), paths, sysconfig.get_config_var("LIBDIR") or "", " ".join(sys.version.split())]))
"""


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """One Python: uv's name for it, its version, whole version text, and the sha256 of its library, which no other on this machine has.

    `variables` make uv ask here; `asked` are the paths of all requests.
    """

    name: str
    version: str
    build: str
    library: str
    variables: dict[str, str]
    asked: list[str] = field(default_factory=list)


def pack(folder: Path) -> Mirror:
    """Pack a Python into `folder`, with a list of that one."""
    found = find_python("", ">=3.11")
    version, paths, home, build = json.loads(subprocess.run([found.path, "-I", "-c", _ASK], check=True, capture_output=True).stdout)
    minor = ".".join(version.split(".")[:2])
    name, library = f"cpython-{version}-linux-x86_64-gnu", found.library.read_bytes() + MARK
    program = Path(found.path).resolve().read_bytes()
    if home:  # where it looks for its library: beside itself, wherever it is unpacked
        program = program.replace(home.encode() + b"\0", b"$ORIGIN/../lib".ljust(len(home), b"\0") + b"\0")
    with tarfile.open(folder / "python.tar.gz", "w:gz", compresslevel=1) as archive:
        for path, data in ((f"bin/python{minor}", program), (f"lib/{found.library.name}", library)):
            member = tarfile.TarInfo(f"python/{path}")
            member.size, member.mode = len(data), 0o755
            archive.addfile(member, io.BytesIO(data))
        for source, place in zip(paths, ("lib", "include"), strict=True):
            archive.add(source, f"python/{place}/python{minor}", filter=_wanted)
    major, middle, patch = map(int, version.split("."))
    known = {
        "name": "cpython", "arch": {"family": "x86_64", "variant": None}, "os": "linux", "libc": "gnu", "prerelease": "", "variant": None,
        "major": major, "minor": middle, "patch": patch, "build": "20260102", "sha256": sha256((folder / "python.tar.gz").read_bytes()),
    }  # fmt: skip
    (folder / "list.json").write_text(json.dumps({name: known}))
    return Mirror(name=f"cpython-{version}", version=version, build=build, library=sha256(library), variables={})


def _wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if any(part in f"{member.name}/" for part in _LEFT_OUT) else member


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def serve(folder: Path, address: str = "127.0.0.1") -> Iterator[Mirror]:
    """The mirror while the block runs, at an address of this machine."""
    packed = pack(folder)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *words: object) -> None:
            super().__init__(*words, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            packed.asked.append(self.path)

    with http.server.ThreadingHTTPServer((address, 0), Handler) as server:
        url = f"http://{address}:{server.server_port}"
        known = json.loads((folder / "list.json").read_text())
        (folder / "list.json").write_text(json.dumps({name: {**entry, "url": f"{url}/python.tar.gz"} for name, entry in known.items()}))
        packed.variables["UV_PYTHON_DOWNLOADS_JSON_URL"] = f"{url}/list.json"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield packed
        finally:
            server.shutdown()
            thread.join()
