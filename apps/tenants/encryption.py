"""Secrets at rest: encrypted columns under the keys of the installation, newest first.

A value can be read with any key of `KENWARD_SECRET_KEYS` and is written with the newest one;
`./kenward rotate_secrets` writes all of them anew, after which an old key may be taken out.
"""

from __future__ import annotations

import base64
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import models
from typing_extensions import override

from apps.errors import KenwardError

# Each use of the installation's keys has keys of its own: what is encrypted for one purpose opens
# for no other, and none of them signs sessions or marks canaries.
STORED = b"kenward stored secrets 1"
SECOND_FACTORS = b"kenward second factors"


class Undecipherable(KenwardError):
    """No key of this installation opens a stored secret."""

    code = "undecipherable"


def encrypt(secret: str, *, purpose: bytes = STORED) -> str:
    """Return a secret as it may be stored, under the newest key.

    Args:
        secret: any text.
        purpose: what for; the same is needed to read it again.
    """
    return _keys(purpose).encrypt(secret.encode()).decode("ascii")


def decrypt(stored: str, *, purpose: bytes = STORED) -> str:
    """Return a stored secret.

    Raises:
        Undecipherable: it was written with a key that is not among the settings any more, or for
            another purpose.
    """
    try:
        return _keys(purpose).decrypt(stored.encode("ascii")).decode()
    except (InvalidToken, UnicodeEncodeError) as error:
        raise Undecipherable(
            "A stored secret cannot be read with the keys of this installation.",
            hint="Put the key it was written with back into KENWARD_SECRET_KEYS.",
        ) from error


def renewed(stored: str, *, purpose: bytes = STORED) -> str:
    """Return a stored secret under the newest key; one that is under it already stays as it is.

    Raises:
        Undecipherable: see `decrypt`.
    """
    try:
        Fernet(_derived(settings.SECRET_KEY, purpose)).decrypt(stored.encode("ascii"))
    except (InvalidToken, UnicodeEncodeError):
        return encrypt(decrypt(stored, purpose=purpose), purpose=purpose)
    return stored


class EncryptedTextField(models.TextField[str, str]):
    """A text column whose values are only ever stored encrypted; an empty one stays empty.

    It cannot be searched: each encryption of a value is another one.
    """

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        """Decrypt what the database holds."""
        return decrypt(value) if value else value

    @override
    def get_prep_value(self, value: Any) -> Any:
        """Encrypt what is written."""
        return encrypt(value) if value else value

    @override
    def get_lookup(self, lookup_name: str) -> Any:
        """Refuse to compare: what would be compared is the encryption.

        Raises:
            TypeError: for every lookup but `isnull`.
        """
        if lookup_name != "isnull":
            raise TypeError(f"{self.name} is encrypted and cannot be looked up.")
        return super().get_lookup(lookup_name)


def _keys(purpose: bytes) -> MultiFernet:
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derived(secret, purpose)) for secret in secrets])


def _derived(secret: str, purpose: bytes) -> bytes:
    """Return a Fernet key of an installation's key (HKDF, RFC 5869)."""
    derived = HKDF(SHA256(), length=32, salt=None, info=purpose).derive(secret.encode())
    return base64.urlsafe_b64encode(derived)
