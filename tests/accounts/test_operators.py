from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts.models import User
from tests.world import PASSWORD


@pytest.mark.django_db
def test_an_operator_made_on_the_command_line_can_sign_in(client: Client) -> None:
    User.objects.create_superuser("Root@Ops.Example", PASSWORD)
    response = client.post(
        "/accounts/login/", {"login": "root@ops.example", "password": PASSWORD, "next": "/admin/"}
    )
    assert (response.status_code, response["Location"]) == (302, "/admin/")
    assert client.get("/admin/").status_code == 200
