"""Which keys are given, and how: by a file, an environment variable, or an agent that keeps them; never on a command line."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from coldforge.errors import ConfigurationError, Missing
from coldforge.host.secrets import hide
from coldforge.sign import apple, authenticode, material, openpgp, rsa

OPENPGP: Final = "COLDFORGE_OPENPGP_KEY"
RSA: Final = "COLDFORGE_RSA_KEY"
_FINGERPRINT: Final = re.compile(r"(?:0x)?([0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The keys of one run, not yet opened: private keys as text, or the fingerprint of one that the user's own agent keeps."""

    openpgp: str = ""
    rsa: str = ""
    openpgp_passphrase: str = ""
    rsa_passphrase: str = ""
    programs: authenticode.Asked = field(default_factory=authenticode.Asked)
    installer: apple.Asked = field(default_factory=partial(apple.Asked, names=apple.INSTALLER))
    apple: apple.Asked = field(default_factory=apple.Asked)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to sign with."""
        return not (self.openpgp or self.rsa) and all(one.is_empty for one in (self.programs, self.apple, self.installer))


def given(
    openpgp_key: str | None = None,
    rsa_key: str | None = None,
    passphrase_fd: int | None = None,
    *,
    env: Mapping[str, str] = os.environ,
    programs: Mapping[str, str | None] | None = None,
    timestamp_servers: Sequence[str] = (),
    apple_servers: Sequence[str] = (),
) -> Given:
    """The keys that options or the environment name; options win. Everything secret is blotted out of every output from now on.

    `programs` are the options about Authenticode and about signatures of macOS, see `asked` of both; without them nothing of that kind
    is looked for.

    Raises Missing for a file that cannot be read, ConfigurationError for a text that is no private key.
    """
    passphrase = None if passphrase_fd is None else _passphrase(passphrase_fd)

    def asked(names: apple.Names) -> apple.Asked:
        return apple.Asked(names=names) if programs is None else apple.asked(programs, apple_servers, names, passphrase=passphrase, env=env)

    return Given(
        openpgp=_openpgp(openpgp_key or env.get(OPENPGP, ""), inline=not openpgp_key),
        rsa=_text(rsa_key or env.get(RSA, ""), RSA, "PRIVATE KEY", inline=not rsa_key),
        openpgp_passphrase=hide(env.get("COLDFORGE_OPENPGP_PASSPHRASE", "") if passphrase is None else passphrase),
        rsa_passphrase=hide(env.get("COLDFORGE_RSA_PASSPHRASE", "") if passphrase is None else passphrase),
        programs=authenticode.Asked()
        if programs is None
        else authenticode.asked(programs, timestamp_servers, passphrase=passphrase, env=env),
        apple=asked(apple.APPLICATION),
        installer=asked(apple.INSTALLER),
    )


def _passphrase(number: int) -> str:
    try:
        with os.fdopen(number, "rb", closefd=False) as stream:
            return stream.readline().rstrip(b"\r\n").decode()
    except (OSError, UnicodeDecodeError) as error:
        raise Missing(f"no passphrase can be read from file descriptor {number}", why=str(error)) from error


def _openpgp(value: str, *, inline: bool) -> str:
    found = _FINGERPRINT.fullmatch(value.strip())
    return found[1].upper() if found else _text(value, OPENPGP, "PGP PRIVATE KEY BLOCK", inline=inline)


def _text(value: str, name: str, kind: str, *, inline: bool) -> str:
    """The text of a private key, which an environment variable may hold itself; a command line may not."""
    if not value.strip():
        return ""
    if not inline:
        material.refuse_typed(value, name)
    text = value if material.BEGIN in value else _read(Path(value.strip()))
    if f"{kind}-----" not in text:
        hint = (
            "Export it as text: gpg --armor --export-secret-keys FINGERPRINT" if name == OPENPGP else "It must be PEM: openssl genrsa 4096"
        )
        raise ConfigurationError(
            f"what {name} or its option gives is no private key", why=f"It has no line `{material.BEGIN}… {kind}-----`.", hint=hint
        )
    return hide(text)


def _read(path: Path) -> str:
    try:
        return path.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Missing(f"the key {path} cannot be read: {reason}") from error


class Keys:
    """The opened keys, for the length of a block; what was made for them is gone afterwards."""

    def __init__(self, given: Given) -> None:
        self._given, self._stack = given, ExitStack()
        self.openpgp: openpgp.Key | None = None
        self.rsa: rsa.Key | None = None
        self.programs: authenticode.Key | None = None
        self.apple, self.installer = apple.Key(asked=given.apple), apple.Key(asked=given.installer)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            if self._given.openpgp:
                self.openpgp = stack.enter_context(openpgp.opened(self._given.openpgp, self._given.openpgp_passphrase))
            if self._given.rsa:
                self.rsa = rsa.opened(self._given.rsa, self._given.rsa_passphrase)
            if not self._given.programs.is_empty:
                self.programs = stack.enter_context(authenticode.opened(self._given.programs))
            self.apple = stack.enter_context(apple.opened(self._given.apple))
            self.installer = stack.enter_context(apple.opened(self._given.installer))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()
