"""How allauth keeps second factors: their secrets lie encrypted in the database."""

from __future__ import annotations

from allauth.mfa.adapter import DefaultMFAAdapter

from apps.tenants import encryption


class MFAAdapter(DefaultMFAAdapter):
    """Encrypts with the signing keys, the newest first, so that keys can be rotated."""

    def encrypt(self, text: str) -> str:
        """Return the secret as it is stored."""
        return encryption.encrypt(text, purpose=encryption.SECOND_FACTORS)

    def decrypt(self, encrypted_text: str) -> str:
        """Return a stored secret.

        Raises:
            Undecipherable: none of the keys has made it.
        """
        return encryption.decrypt(encrypted_text, purpose=encryption.SECOND_FACTORS)
