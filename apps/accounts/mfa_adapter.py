"""How allauth keeps second factors: their secrets lie encrypted in the database."""

from __future__ import annotations

import base64

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class MFAAdapter(DefaultMFAAdapter):
    """Encrypts with the signing keys, the newest first, so that keys can be rotated."""

    def encrypt(self, text: str) -> str:
        """Return the secret as it is stored."""
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return a stored secret.

        Raises:
            InvalidToken: none of the keys has made it.
        """
        return _cipher().decrypt(encrypted_text.encode()).decode()


def _cipher() -> MultiFernet:
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    derivation = HKDF(SHA256(), length=32, salt=None, info=b"kenward second factors")
    return base64.urlsafe_b64encode(derivation.derive(key.encode()))
