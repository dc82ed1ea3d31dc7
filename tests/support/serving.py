"""A web server on the loopback for a few files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@contextmanager
def serving(content: Mapping[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """The address of a server of these files, and the paths and parts of files that it is asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            data = content.get(self.path)
            ranges = re.findall(r"(\d+)-(\d+)", self.headers.get("Range", "")) if data else []
            self.send_response(404 if data is None else 206 if ranges else 200)
            if data and ranges:
                data = self.parts(data, [(int(first), int(last)) for first, last in ranges])
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def parts(self, data: bytes, ranges: list[tuple[int, int]]) -> bytes:
            """What was asked for of a file, with the headers for it: one part as it is, several each with its own head (RFC 9110 14.6)."""
            told = [f"bytes {first}-{last}/{len(data)}" for first, last in ranges]
            pieces = [data[first : last + 1] for first, last in ranges]
            asked.extend(told)
            if len(pieces) == 1:
                self.send_header("Content-Range", told[0])
                return pieces[0]
            self.send_header("Content-Type", "multipart/byteranges; boundary=PART")
            heads = [f"\r\n--PART\r\nContent-Range: {text}\r\n\r\n".encode() for text in told]
            return b"".join(head + piece for head, piece in zip(heads, pieces, strict=True)) + b"\r\n--PART--\r\n"

        def log_message(self, *_: object) -> None:
            """Nothing is shown."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()
