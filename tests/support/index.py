"""A package index on the loopback that wants a name and a password: PEP 503 pages of the files in a folder."""

from __future__ import annotations

import base64
import hashlib
import http.server
import re
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

USER = "ada"
PASSWORD = "b@ c:dragon/7"  # every character that an address cannot hold as it stands


@dataclass(frozen=True, kw_only=True)
class Index:
    """A running index; `asked` are the paths of all requests that had the right credentials, `refused` of the others."""

    url: str
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def wheel(folder: Path, name: str, version: str, modules: Mapping[str, str]) -> Path:
    """A wheel of these modules, by hand."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for module, text in modules.items():
            archive.writestr(module, text)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense: MIT\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@contextmanager
def serve(folder: Path) -> Iterator[Index]:
    """The index while the block runs. What lies in the folder is looked up at every request."""
    found: list[Index] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization", "") != f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}":
                found[0].refused.append(self.path)
                return self.answer(401, b"who are you?", "text/plain")
            found[0].asked.append(self.path)
            name = self.path.strip("/").split("/")[-1]
            if (folder / name).is_file():
                return self.answer(200, (folder / name).read_bytes(), "application/octet-stream")
            files = [path for path in sorted(folder.iterdir()) if normalised(path.name.split("-")[0]) == normalised(name)]
            return self.answer(200 if files else 404, f"<!DOCTYPE html>{''.join(map(link, files))}".encode(), "text/html")

        def do_HEAD(self) -> None:
            self.do_GET()

        def answer(self, code: int, body: bytes, kind: str) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if code == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="packages"')
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.append(Index(url=f"http://127.0.0.1:{server.server_port}/simple"))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield found[0]
        finally:
            server.shutdown()
            thread.join()


def link(path: Path) -> str:
    return f'<a href="/{path.name}#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}">{path.name}</a>'


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
