"""Authenticode signatures of programs and packages for Windows: by osslsigncode, or by a command of the user's, and checked here.

Source: https://github.com/mtrojnar/osslsigncode
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coldforge.errors import BuildFailed, ConfigurationError, Missing, RemoteFailed
from coldforge.filetypes import authenticode, signed
from coldforge.host import clock, files
from coldforge.host.run import Completed, run, which, without_secrets
from coldforge.host.secrets import hide
from coldforge.sign import material, openpgp

KEY: Final = "COLDFORGE_AUTHENTICODE_KEY"
CERTIFICATE: Final = "COLDFORGE_AUTHENTICODE_CERTIFICATE"
PASSPHRASE: Final = "COLDFORGE_AUTHENTICODE_PASSPHRASE"  # noqa: S105  # the name of a variable
MODULE: Final = "COLDFORGE_PKCS11_MODULE"
SERVERS: Final = "COLDFORGE_TIMESTAMP_SERVERS"
COMMAND: Final = "COLDFORGE_SIGN_COMMAND"
SUBJECT: Final = "COLDFORGE_SIGN_SUBJECT"
SEEN: Final = "COLDFORGE_SIGN_ENVIRONMENT"
_HINT: Final = "apt-get install osslsigncode"
# What programs of any kind need of an environment.
_COMMON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "JAVA_HOME")
_PAUSE: Final = 5.0  # seconds until all servers are tried again
_DEADLINE: Final = 300.0  # seconds for one file


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How programs are to be signed, as it was given.

    `key` is a PKCS #12 file, a PEM file, the text of the one in base64 or of the other, or a `pkcs11:` URI of a key in `module`;
    `certificate` is PEM, as file or text, of the signer and whoever issued his. With a `command` it alone has the key, and `subject`
    tells whom it must have signed as. `seen` are the variables that it gets to see.
    """

    key: str = ""
    certificate: str = ""
    passphrase: str = ""
    module: str = ""
    servers: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    subject: str = ""
    seen: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to sign with."""
        return not (self.key or self.command)


def asked(options: Mapping[str, str | None], servers: Sequence[str] = (), *, passphrase: str | None, env: Mapping[str, str]) -> Asked:
    """What options, by the name of the variable that stands in for each, or the environment ask for; options win.

    Raises ConfigurationError for what contradicts itself.
    """
    key, certificate, module, command, subject = (
        (options.get(name) or env.get(name, "")).strip() for name in (KEY, CERTIFICATE, MODULE, COMMAND, SUBJECT)
    )
    material.refuse_typed(options.get(KEY), KEY)
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise ConfigurationError("the command that signs is no command line", why=str(error)) from error
    found = Asked(
        key=key if key.startswith("pkcs11:") or material.is_file(key) else hide(key),
        certificate=certificate,
        passphrase=hide(env.get(PASSPHRASE, "") if passphrase is None else passphrase),
        module=module,
        servers=tuple(servers) or tuple(env.get(SERVERS, "").split()),
        command=words,
        subject=subject,
        seen=tuple(env.get(SEEN, "").split()),
    )
    _check(found)
    return found


def _check(found: Asked) -> None:
    what, hint = "", ""
    if found.command and found.key:
        what, hint = "there are a key and a command to sign programs with", f"Take away {KEY} or {COMMAND}."
    elif found.command and not any("{file}" in word for word in found.command):
        what, hint = "the command that signs does not say where the file goes", "Write {file} where its path belongs."
    elif found.command and not found.subject:
        what, hint = "it is not said whom the command signs as", f"Give --sign-subject or {SUBJECT}: the certificate's common name."
    elif found.key.startswith("pkcs11:") and not found.module:
        what, hint = "a key behind PKCS #11 takes a module", f"Give --pkcs11-module or {MODULE}: the path of a shared library."
    elif bad := [server for server in found.servers if not re.match("https?://[!-~]+$", server)]:
        what, hint = f"{bad[0]!r} is no timestamp server", "Such a one has an address that begins with http:// or https://."
    if what:
        raise ConfigurationError(what, hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What signs programs. `words` tell osslsigncode of the key, `certificate` is its digest if it is known before."""

    asked: Asked
    words: tuple[str | Path, ...]
    certificate: str
    since: int

    def signature(self, plain: Path, *, name: str, epoch: int) -> bytes:
        """The signature of an unsigned file, in PKCS #7. Raises BuildFailed, RemoteFailed or Missing when there is none."""
        with files.scratch("sign") as folder:
            out = folder / name  # tools go by its ending
            if self.asked.command:
                self._commanded(plain, out)
            else:
                self._made(plain, out, max(epoch, self.since))
            try:
                with out.open("rb") as stream:
                    found = authenticode.of(stream)
            except signed.damage() as error:
                raise BuildFailed(f"what signs {name} left no file that can be read", why=str(error)) from error
        if not found:
            raise BuildFailed(f"what signs {name} put no signature into it", hint="It must change the file that {file} stands for.")
        return found

    def fits(self, seen: authenticode.Seen | None) -> str:
        """Why a signature is not what this key makes; empty when it is."""
        if seen is None:
            return "there is none"
        if self.certificate and seen.certificate != self.certificate:
            return f"it is of another certificate, of {seen.signer}"
        if self.asked.subject and not seen.is_by(self.asked.subject):
            return f"it is of {seen.signer}, not of {self.asked.subject}"
        if self.asked.servers and seen.timestamp is None:
            return "it has no timestamp"
        return ""

    def _made(self, plain: Path, out: Path, time: int) -> None:
        words = ["-h", "sha256", "-time", str(time), *(word for server in self.asked.servers for word in ("-ts", server))]
        why = ""
        for pause in (0.0, _PAUSE, _PAUSE):
            clock.sleep(pause)
            done = _osslsigncode("sign", *self.words, *words, "-in", plain, "-out", out, passphrase=self.asked.passphrase)
            if not done.code and out.is_file():
                return
            why = "\n".join(line for line in done.output.splitlines() if "HTTP" in line or "imestamp" in line)
            if not why:
                why = "\n".join(line for line in done.output.splitlines() if line.strip())[-600:]
                hint = f"Is the passphrase right ({PASSPHRASE} or --passphrase-fd), and does the certificate belong to the key?"
                raise Missing("the key for programs cannot sign", why=why, hint=hint)
        hint = f"Sign again later, or give another server with --timestamp-server or {SERVERS}."
        raise RemoteFailed(f"no timestamp from {', '.join(self.asked.servers)}", why=why, hint=hint)

    def _commanded(self, plain: Path, out: Path) -> None:
        out.write_bytes(plain.read_bytes())
        places = {"{file}": str(out), "{timestamp}": next(iter(self.asked.servers), "")}
        words = [re.sub(r"\{(?:file|timestamp)\}", lambda found: places[found[0]], word) for word in self.asked.command]
        seen = {name: os.environ[name] for name in (*_COMMON, *self.asked.seen) if name in os.environ}
        run(words, env=seen, seconds=_DEADLINE)


def _osslsigncode(*words: str | Path, passphrase: str) -> Completed:
    """Run it; a passphrase goes through a pipe."""
    read = ("-readpass", "/dev/stdin") if passphrase else ()
    argv = [authenticode.PROGRAM, words[0], *read, *words[1:]]
    return run(argv, stdin=f"{passphrase}\n".encode(), env=without_secrets(), check=False, quiet=True, seconds=_DEADLINE)


@contextmanager
def opened(asked: Asked) -> Iterator[Key]:
    """The key for the length of a block; what was written for it is gone afterwards.

    Raises Missing without osslsigncode, or for a file that cannot be read; ConfigurationError for a key without certificate.
    """
    if asked.command:
        yield Key(asked=asked, words=(), certificate="", since=0)
        return
    which(authenticode.PROGRAM, hint=_HINT)
    with openpgp.memory_folder() as folder:
        certificate = _file(asked.certificate, folder / "certificate.pem", CERTIFICATE) if asked.certificate else None
        if asked.key.startswith("pkcs11:"):
            chain: tuple[str | Path, ...] = ("-certs", certificate) if certificate else ("-pkcs11cert", asked.key)
            words: tuple[str | Path, ...] = ("-pkcs11module", asked.module, *chain, "-key", asked.key)
            yield _key(asked, words, certificate.read_bytes() if certificate else b"")
            return
        path = _file(asked.key, folder / "key", KEY)
        data = path.read_bytes()
        if material.BEGIN.encode() not in data:
            yield _key(asked, ("-pkcs12", path), data)
        elif certificate is None:
            hint = f"Give --authenticode-certificate or {CERTIFICATE}: PEM, of the signer first."
            raise ConfigurationError("the key for programs comes without its certificate", hint=hint)
        else:
            yield _key(asked, ("-certs", certificate, "-key", path), certificate.read_bytes())


def _file(value: str, place: Path, name: str) -> Path:
    """The file that a value names, or one with what the value itself is: PEM, or PKCS #12 in base64."""
    if material.is_file(value):
        return Path(value).expanduser().absolute()
    data = material.data_of(value, name)
    if place.parent.parent != openpgp.MEMORY and b"PRIVATE KEY" in data and b"ENCRYPTED" not in data:
        raise Missing(f"the key for programs has no passphrase, and without {openpgp.MEMORY} it would be written to a disk")
    place.write_bytes(data)
    place.chmod(0o600)
    return place


def _key(asked: Asked, words: tuple[str | Path, ...], data: bytes) -> Key:
    """A key, with what its certificate tells."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import pkcs12
    from cryptography.x509 import load_pem_x509_certificates

    if not data:
        return Key(asked=asked, words=words, certificate="", since=0)
    try:
        if words[0] == "-pkcs12":
            found = pkcs12.load_pkcs12(data, asked.passphrase.encode() or None).cert
            first = found.certificate if found else None
        else:
            first = load_pem_x509_certificates(data)[0]
    except ValueError as error:
        hint = f"Is the passphrase right ({PASSPHRASE} or --passphrase-fd), and the file whole?"
        raise Missing("the key for programs cannot be opened", why=str(error).split("\n", 1)[0][:200], hint=hint) from error
    if first is None:
        raise ConfigurationError("the PKCS #12 file with the key has no certificate")
    since = int(first.not_valid_before_utc.timestamp())
    return Key(asked=asked, words=words, certificate=first.fingerprint(SHA256()).hex(), since=since)
