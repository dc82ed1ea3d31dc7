"""Signing with sigstore: the one module that makes signatures. Imported only when something is signed."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from coldforge.errors import ColdforgeError, ConfigurationError, Missing, RemoteFailed
from coldforge.host import clock
from coldforge.host.secrets import hide
from coldforge.report import reporter

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.models import ClientTrustConfig

PATIENCE: Final = 1800.0  # seconds; outages of the public instance have lasted most of an hour
INTOTO: Final = "application/vnd.in-toto+json"


def find_token(given: str | None) -> str:
    """The token to sign with: the one given, else the CI job's own. Raises Missing."""
    if given:
        return hide(given.strip())
    from sigstore.oidc import IdentityError, detect_credential

    try:
        ambient = detect_credential()
    except IdentityError as error:
        hint = "The job needs `permissions: { id-token: write }`; a workflow started from a fork has no identity."
        raise Missing("the CI job's own identity could not be had", why=str(error), hint=hint) from error
    if ambient is None:
        hint = "In GitHub Actions give the job `permissions: { id-token: write }`; elsewhere pass --identity-token."
        raise Missing("there is no identity to sign with", hint=hint)
    return hide(ambient)


def claims_of(token: str) -> Mapping[str, Any]:
    """The claims of a JWT. Fulcio checks its signature; the certificate repeats what counts. Raises ConfigurationError."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError) as error:
        raise ConfigurationError("the identity token is not a JSON Web Token") from error
    if not isinstance(claims, dict):
        raise ConfigurationError("the identity token has no claims")
    return claims


def trust(config: Path | None) -> ClientTrustConfig:
    """The sigstore instance: that of a file, else the public one. Raises ConfigurationError or RemoteFailed."""
    from sigstore.errors import Error
    from sigstore.models import ClientTrustConfig

    if config is None:
        try:
            return ClientTrustConfig.production()
        except Error as error:
            raise RemoteFailed(
                "sigstore's trust root could not be fetched", why=str(error), hint="Run it again later; nothing is lost."
            ) from error
    try:
        return ClientTrustConfig.from_json(config.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(f"{config} does not exist") from error
    except (Error, ValueError) as error:
        raise ConfigurationError(f"{config} is not a sigstore client trust config", why=str(error)) from error


class Signer:
    """One certificate for all statements of a release; every bundle is verified before it is handed out."""

    def __init__(self, token: str, config: ClientTrustConfig) -> None:
        from sigstore.verify import Verifier

        self._token = token
        self._config = config
        self._deadline = clock.now() + PATIENCE
        self._verifier = Verifier(trusted_root=config.trusted_root)
        self._stack = ExitStack()
        self._signer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def sign(self, statement: bytes) -> str:
        """The bundle over a statement, as JSON text. Retries until the deadline, then raises RemoteFailed."""
        from sigstore.dsse import Statement

        wait = 1.0
        while True:
            try:
                bundle = self._ready().sign_dsse(Statement(statement))
            except ColdforgeError:
                raise
            except Exception as error:  # noqa: BLE001  # the client's network errors have no public base class
                self._again(error, wait)
                wait = min(60.0, wait * 2)
                continue
            text = str(bundle.to_json())
            if not self.good(text, statement):
                raise RemoteFailed("sigstore returned a bundle that does not verify", hint="Run it again later; nothing is lost.")
            return text

    def _ready(self) -> Any:
        from sigstore.oidc import IdentityError, IdentityToken
        from sigstore.sign import SigningContext

        if self._signer is None:
            try:
                token = IdentityToken(self._token)
            except IdentityError as error:
                raise ConfigurationError("the identity token is not accepted", why=str(error), hint="It may have expired.") from error
            context = SigningContext.from_trust_config(self._config)
            self._signer = self._stack.enter_context(context.signer(token, cache=True))
        return self._signer

    def _again(self, error: Exception, wait: float) -> None:
        if clock.now() + wait > self._deadline or _hopeless(error):
            why = f"{type(error).__name__}: {error}"
            raise RemoteFailed("sigstore did not sign", why=why, hint="Run it again: what is signed already is kept.") from error
        reporter().warn(f"sigstore: {type(error).__name__}: {error}; trying again in {wait:.0f} s")
        clock.sleep(wait)

    def good(self, text: str, statement: bytes) -> bool:
        """Whether a bundle verifies and says what `statement` says (the run's attempt may differ)."""
        from coldforge.attest.statement import same_build

        payload = self.payload(text)
        return payload is not None and same_build(payload, statement)

    def payload(self, text: str) -> bytes | None:
        """The statement of a bundle that verifies; None when it does not."""
        from sigstore.errors import Error, VerificationError
        from sigstore.models import Bundle, InvalidBundle

        try:
            kind, payload = self._verifier.verify_dsse(Bundle.from_json(text), _AnySigner())
        except (Error, VerificationError, InvalidBundle, ValueError):
            return None
        return bytes(payload) if kind == INTOTO else None


class _AnySigner:
    """A policy for sigstore's verifier: who signed is known here, it was us."""

    def verify(self, cert: Certificate) -> None: ...


def _hopeless(error: Exception) -> bool:
    """Whether trying again cannot help: the identity was refused."""
    return any(word in str(error).lower() for word in ("unauthorized", "token", "401", "403"))
