"""A certificate authority of one test: it vouches for signers of programs, and for a server of timestamps on loopback."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from coldforge.filetypes import developer
from coldforge.sign.authenticode import Asked
from coldforge.sign.keys import Given

SINCE: Final = datetime(2020, 1, 1, tzinfo=UTC)
UNTIL: Final = datetime(2049, 1, 1, tzinfo=UTC)
_KINDS: Final = {"Developer ID Application": developer.APPLICATION, "Developer ID Installer": developer.INSTALLER}
_CONFIG: Final = """\
[tsa]
default_tsa = t
[t]
serial = {0}/serial
crypto_device = builtin
signer_cert = {0}/tsa.pem
signer_key = {0}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_chain = no
"""


class Authority:
    """Its certificate and those that it gave, as files in a folder: `ca.pem`, and NAME.pem, NAME.key for each."""

    def __init__(self, folder: Path, above: Authority | None = None) -> None:
        self.folder = folder
        self._key = rsa.generate_private_key(65537, 2048)
        self._name = _name("Demo CA below" if above else "Demo CA")
        self.certificate = (above or self)._made(self._name, self._key.public_key(), x509.BasicConstraints(ca=True, path_length=None))
        (folder / "ca.pem").write_bytes(_pem(self.certificate))

    def signer(
        self,
        name: str,
        called: str,
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
        *,
        team: str = "",
        until: datetime = UNTIL,
    ) -> x509.Certificate:
        """Certify a new key for a purpose; `team` is what Apple calls whoever has it. A Developer ID gets the mark of its kind."""
        key = rsa.generate_private_key(65537, 2048)
        kind = next((kind for words, kind in _KINDS.items() if called.startswith(words)), None)
        marks = [x509.UnrecognizedExtension(x509.ObjectIdentifier(kind[0]), b"\x05\x00")] if kind else []
        usage = x509.ExtendedKeyUsage([x509.ObjectIdentifier(kind[1]) if kind else purpose])
        made = self._made(_name(called, team), key.public_key(), usage, *marks, until=until)
        (self.folder / f"{name}.pem").write_bytes(_pem(made) + _pem(self.certificate))
        (self.folder / f"{name}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        how = BestAvailableEncryption(b"vertraulich")
        (self.folder / f"{name}.pfx").write_bytes(pkcs12.serialize_key_and_certificates(None, key, made, [self.certificate], how))
        return made

    def _made(self, name: x509.Name, key: rsa.RSAPublicKey, *extensions: x509.ExtensionType, until: datetime = UNTIL) -> x509.Certificate:
        builder = x509.CertificateBuilder(self._name, name, key, x509.random_serial_number(), SINCE, until)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(self._key, SHA256())

    @contextmanager
    def stamping(self) -> Iterator[str]:
        """The address of a server of timestamps, on loopback."""
        self.signer("tsa", "Demo TSA", ExtendedKeyUsageOID.TIME_STAMPING)
        (self.folder / "serial").write_text("01\n")
        config = self.folder / "tsa.cnf"
        config.write_text(_CONFIG.format(self.folder))

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = config.with_name("query")
                asked.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
                words: list[str | Path] = ["openssl", "ts", "-reply", "-config", config, "-queryfile", asked]
                answer = subprocess.run(words, capture_output=True, check=True).stdout
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}"
            finally:
                server.shutdown()
                thread.join()


def _name(called: str, team: str = "") -> x509.Name:
    unit = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, team)] if team else []
    return x509.Name([*unit, x509.NameAttribute(NameOID.COMMON_NAME, called)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def pem(authority: Authority, name: str = "demo", **more: object) -> Given:
    """A key in PEM files."""
    place = authority.folder / name
    return Given(programs=Asked(**{"key": f"{place}.key", "certificate": f"{place}.pem", **more}))  # type: ignore[arg-type]  # of its fields


def second_opinion(path: Path, authority: Authority) -> str:
    """What osslsigncode says of a signature; it ends with 0 although a timestamp is bad, so its lines are what counts."""
    ca = authority.folder / "ca.pem"
    words: list[str | Path] = ["osslsigncode", "verify", "-CAfile", ca, "-TSA-CAfile", ca, "-in", path]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Signature verification: ok\n" in done.stdout
    assert "failed" not in done.stdout
    return done.stdout
