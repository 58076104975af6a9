from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.test import AsyncClient, Client


def test_a_static_file_comes_whole_with_its_type(client: Client) -> None:
    response = client.get("/static/css/base.css")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/css")
    assert response.content == Path(settings.BASE_DIR, "static/css/base.css").read_bytes()
    assert not response.streaming


async def test_asgi_sends_static_files_without_a_warning(async_client: AsyncClient) -> None:
    """Warnings are errors in this run; a synchronous stream would be one."""
    response = await async_client.get("/static/js/chat.js")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/javascript")


@pytest.mark.django_db
def test_an_unknown_static_file_is_not_found(client: Client) -> None:
    assert client.get("/static/css/none.css").status_code == 404
