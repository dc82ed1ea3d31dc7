"""Signing with sigstore: the one module that makes signatures. Imported only when something is signed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from coldforge.errors import ColdforgeError, ConfigurationError, Missing, RemoteFailed
from coldforge.host import clock
from coldforge.host.aside import within
from coldforge.host.secrets import hide
from coldforge.predicate import INTOTO
from coldforge.records import GITHUB
from coldforge.report import reporter

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from requests import Response
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import IdentityToken
    from sigstore.verify.policy import VerificationPolicy

PATIENCE: Final = 1800.0  # seconds; outages of the public instance have lasted most of an hour
LONGEST_ANSWER: Final = 120.0  # seconds; the client itself waits for ever
CERTIFICATES: Final = "/signingCert"  # the end of Fulcio's address for them
TRY_AGAIN: Final = (408, 409, 425, 429)  # the statuses below 500 that a later attempt may not meet


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
    """One certificate for all statements of a release; every bundle is verified before it is handed out.

    `renew` fetches another token when the first has expired, as a CI job's own does within minutes; None when nobody can.
    """

    def __init__(self, token: str, config: ClientTrustConfig, *, renew: Callable[[], str] | None = None) -> None:
        from sigstore.verify import Verifier

        self._token = token
        self._renew = renew
        self._config = config
        self._ours = _policy(claims_of(token))
        self._deadline = clock.now() + PATIENCE
        self._verifier = Verifier(trusted_root=config.trusted_root)
        self._stack = ExitStack()
        self._lock = Lock()
        self._signer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def sign(self, statement: bytes) -> str:
        """The bundle over a statement, as JSON text.

        Retries until the deadline, then raises RemoteFailed. Raises Missing when the identity has expired or is refused.
        """
        from sigstore.dsse import Statement

        wait = 1.0
        parsed = Statement(statement)
        while True:
            signer = None
            try:
                signer = self._ready()
                bundle = within(LONGEST_ANSWER, partial(signer.sign_dsse, parsed))
            except ColdforgeError:
                raise
            except Exception as error:  # noqa: BLE001  # the client's network errors have no public base class
                if _expired(error):
                    self._forget(signer)
                self._again(error, wait)
                wait = min(60.0, wait * 2)
                continue
            text = str(bundle.to_json())
            if not self._says(text, statement, _AnySigner()):
                raise RemoteFailed("sigstore returned a bundle that does not verify", hint="Run it again later; nothing is lost.")
            return text

    def _ready(self) -> Any:
        """The client's signer, with a certificate; made once, and again when that has expired."""
        from sigstore.sign import SigningContext

        with self._lock:
            if self._signer is None:
                context = SigningContext.from_trust_config(self._config)
                fetching = partial(self._stack.enter_context, context.signer(self._identity(), cache=True))
                self._signer = within(LONGEST_ANSWER, fetching)
            return self._signer

    def _identity(self) -> IdentityToken:
        """The token, or a fresh one when it has expired. Raises Missing when there is none, ConfigurationError for what is no token."""
        try:
            return _parsed(self._token)
        except ColdforgeError:
            if self._renew is None:
                raise
        self._token = self._renew()
        return _parsed(self._token)

    def _forget(self, signer: Any) -> None:
        """Drop a signer whose certificate has expired, unless another thread did."""
        with self._lock:
            if self._signer is signer:
                self._signer = None

    def _again(self, error: Exception, wait: float) -> None:
        """Wait for the next attempt, or raise when there is no use in one."""
        why = f"{type(error).__name__}: {error}".removesuffix(": ")
        response = _response(error)
        if response is not None and response.status_code in (400, 401, 403) and str(response.url).endswith(CERTIFICATES):
            hint = "Check that the token is for the audience `sigstore`, from an issuer that this sigstore instance knows."
            raise Missing("sigstore does not accept this identity", why=why, hint=hint) from error
        final = response is not None and 400 <= response.status_code < 500 and response.status_code not in TRY_AGAIN
        if final or clock.now() + wait > self._deadline:
            raise RemoteFailed("sigstore did not sign", why=why, hint="Run it again: what is signed already is kept.") from error
        reporter().warn(f"sigstore: {why}; trying again in {wait:.0f} s")
        clock.sleep(wait)

    def keeps(self, text: str, statement: bytes) -> bool:
        """Whether a bundle of an earlier run may stay: it says what `statement` says, and the same identity signed it."""
        return self._ours is not None and self._says(text, statement, self._ours)

    def _says(self, text: str, statement: bytes, policy: VerificationPolicy) -> bool:
        """Whether a bundle verifies and says what `statement` says (the run's attempt may differ)."""
        from sigstore.errors import Error
        from sigstore.models import Bundle, InvalidBundle

        from coldforge.attest.statement import same_build

        try:
            kind, payload = self._verifier.verify_dsse(Bundle.from_json(text), policy)
            return kind == INTOTO and same_build(bytes(payload), statement)
        except (Error, InvalidBundle, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return False


class _AnySigner:
    """A policy for sigstore's verifier: who signed is known here, it was us."""

    def verify(self, cert: Certificate) -> None: ...


def _policy(claims: Mapping[str, Any]) -> VerificationPolicy | None:
    """Who the certificate for a token will name; None for issuers whose names Fulcio makes in another way.

    Source: https://github.com/sigstore/fulcio/blob/main/docs/oidc.md
    """
    from sigstore.verify import policy

    from coldforge.attest.statement import is_workflow

    issuer = str(claims.get("iss", ""))
    if is_workflow(claims):
        # the name is that of the workflow file, which many repositories may use
        return policy.AllOf(
            [
                policy.Identity(identity=f"{GITHUB}{claims.get('job_workflow_ref')}", issuer=issuer),
                policy.OIDCSourceRepositoryURI(f"{GITHUB}{claims['repository']}"),
                policy.OIDCSourceRepositoryDigest(str(claims.get("sha"))),
            ]
        )
    if not claims.get("email") or not issuer:
        return None
    federated = claims.get("federated_claims")
    connector = federated.get("connector_id") if isinstance(federated, dict) else None
    return policy.Identity(identity=str(claims["email"]), issuer=str(connector or issuer))


def _parsed(token: str) -> IdentityToken:
    from sigstore.oidc import IdentityError, IdentityToken

    try:
        return IdentityToken(token)
    except IdentityError as error:
        # asked afterwards: a token can expire between a look at it and the client's own
        until = claims_of(token).get("exp")
        if isinstance(until, int | float) and until <= clock.wall():
            hint = "Get a new one for --identity-token; what is signed already is kept."
            raise Missing("the identity token has expired", hint=hint) from error
        raise ConfigurationError("the identity token is not accepted", why=str(error)) from error


def _expired(error: Exception) -> bool:
    """Whether the client says that its certificate, or the token for one, has expired meanwhile."""
    from sigstore.oidc import ExpiredIdentity
    from sigstore.sign import ExpiredCertificate  # type: ignore[attr-defined]  # its only public place

    return isinstance(error, ExpiredIdentity | ExpiredCertificate)


def _response(error: BaseException) -> Response | None:
    """The HTTP answer that is behind an error of the client, which wraps those of requests in classes of its own."""
    from requests import HTTPError

    while not isinstance(error, HTTPError):
        cause = error.__cause__ or error.__context__
        if cause is None:
            return None
        error = cause
    return error.response
