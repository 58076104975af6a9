"""/health/live and /health/ready: what answers, without a word about what it holds."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.errors import KenwardError
from apps.ops import workers

log = logging.getLogger(__name__)

# An answer serves everybody who asks within so many seconds: asking is open to all and costs work.
_KEPT_S = 2.0


@never_cache
@require_safe
@login_not_required
@transaction.non_atomic_requests
def live(_request: HttpRequest) -> HttpResponse:
    """Say that this process answers; touches nothing else."""
    return HttpResponse("ok", content_type="text/plain")


@never_cache
@require_safe
@login_not_required
@transaction.non_atomic_requests
def ready(_request: HttpRequest) -> JsonResponse:
    """Say for each part whether it answers; status 503 when one does not."""
    parts = _answers.get()
    status = 200 if all(parts.values()) else 503
    return JsonResponse({"ready": status == 200, "parts": parts}, status=status)


class _Answers:
    """The latest answers, asked for by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: dict[str, bool] = {}
        self._asked_at = 0.0

    def get(self) -> dict[str, bool]:
        """Return whether each part answers, at most `_KEPT_S` seconds old."""
        with self._lock:
            if not self._parts or time.monotonic() - self._asked_at > _KEPT_S:
                self._parts = {name: _holds(name, question) for name, question in _PARTS.items()}
                self._asked_at = time.monotonic()
            return dict(self._parts)


def _holds(name: str, question: Callable[[], bool]) -> bool:
    try:
        return question()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a part, the answer is no
        log.warning("%s does not answer: %s", name, error)
        return False


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


def _redis() -> bool:
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
        return bool(client.ping())


def _model() -> bool:
    # Imported here: the runtime takes half a second that /health/live need not wait for.
    from apps.search.embeddings.embedding import embedder

    try:
        return bool(embedder().embed(["ready?"]).shape[0] == 1)
    except KenwardError:
        return False


def _vectors() -> bool:
    from apps.search.vectors import vector_checks  # it loads models

    found = vector_checks.problems()
    for problem in found:
        log.warning("Vector search: %s", problem)
    return not found


_PARTS: dict[str, Callable[[], bool]] = {
    "database": _database,
    "redis": _redis,
    "workers": workers.do_answer,
    "model": _model,
    "vectors": _vectors,
}
_answers = _Answers()
