"""How allauth behaves here: nobody signs up, people are invited or come by single sign-on."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Closes self-registration."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse: a tenant's members are added by its IT admin."""
        return False
