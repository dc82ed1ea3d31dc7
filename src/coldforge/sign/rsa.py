"""RSA signatures, as Alpine's package manager checks them: PKCS #1 v1.5 with SHA-256, which are the same for the same bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coldforge.errors import ConfigurationError, Missing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A private key in memory."""

    private: RSAPrivateKey

    def sign(self, data: bytes) -> bytes:
        """The signature of bytes."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        return self.private.sign(data, PKCS1v15(), SHA256())

    def public(self) -> bytes:
        """The public key, in PEM."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def file(self) -> str:
        """What the file with the public key is called where signatures are checked: after the digest of what is in it."""
        return f"{hashlib.sha256(self.public()).hexdigest()[:16]}.rsa.pub"


def opened(text: str, passphrase: str) -> Key:
    """A key from its PEM text. Raises Missing for a wrong passphrase, ConfigurationError for what is no RSA key of 2048 bits or more."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = load_pem_private_key(text.encode(), passphrase.encode() or None)
    except TypeError as error:  # a passphrase for a key that has none, or none for one that has
        if passphrase:
            return opened(text, "")
        hint = "Set COLDFORGE_RSA_PASSPHRASE, or give it with --passphrase-fd."
        raise Missing("the RSA key asks for a passphrase", hint=hint) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        hint = "Is the passphrase right, and the text complete?"
        raise Missing("the RSA key cannot be opened", why=str(error).split("\n", 1)[0][:200], hint=hint) from error
    if not isinstance(found, RSAPrivateKey) or found.key_size < 2048:
        raise ConfigurationError("the key is no RSA key of at least 2048 bits", hint="openssl genrsa 4096")
    return Key(private=found)
