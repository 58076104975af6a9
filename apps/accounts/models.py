"""People who sign in."""

from __future__ import annotations

from typing import Any, ClassVar

from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import Group, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from guardian.mixins import GuardianUserMixin


class UserManager(BaseUserManager["User"]):
    """Creates people by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a person; without a password only single sign-on lets them in.

        Raises:
            ValueError: the address is empty.
        """
        if not email:
            raise ValueError("A person needs an e-mail address.")
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a platform operator, whose address counts as verified by whoever runs this."""
        user = self.create_user(email, password, is_superuser=True, **fields)
        EmailAddress = apps.get_model("account", "EmailAddress")
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        """Find a person whatever the case of the address."""
        return self.get(email=(username or "").lower())


class User(GuardianUserMixin, AbstractBaseUser, PermissionsMixin):
    """A person, known by e-mail address. Rights come from memberships, never from this row.

    `is_superuser` marks a platform operator, who runs the installation and enters one tenant at a
    time by an audited switch.
    """

    email = models.EmailField("e-mail address", max_length=254, unique=True)
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)
    # A view over claims, edges and closure: guardian reads it, and nothing can be added by hand.
    groups = models.ManyToManyField(  # type: ignore[assignment]  # the base has another through
        Group, through="acls.UserGroup", related_name="user_set", related_query_name="user"
    )

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="user_email_is_lower_case"
            )
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        """Return the name to greet this person by."""
        return self.name or self.email
