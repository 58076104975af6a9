"""Workers that are killed with SIGKILL at a moment of a test's choice.

A checkpoint is a COMMIT. Its moments are just before it, when nothing of it counts yet, and just
after it, before the worker has learnt of it. `python -m tests.connections.conformance.doomed` is a
process that has loaded Kenward and has no threads and no connections; for each question it forks a
worker, which counts the commits of its own thread and kills itself at the one that was named.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import IO, Any

_ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Kenward:
    """What differs from the settings of the environment.

    Attributes:
        settings: by name.
        registered: kind, label and dotted path of a connector that is not shipped; empty for none.
        sizes: small sizes of pages by dotted name.
    """

    settings: Mapping[str, list[str]]
    registered: tuple[str, ...]
    sizes: Mapping[str, int]


class Doomed:
    """Starts workers.

    Args:
        kenward: as they are to find it.
    """

    def __init__(self, kenward: Kenward) -> None:
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._ask(asdict(kenward)) == {"ready": True}

    def works(self, tenant_id: int, act: str, *, kill_at: int) -> bool:
        """Let a worker do everything that is due; return whether it was killed before it ended.

        Args:
            tenant_id: whose work.
            act: `sync` or `index`.
            kill_at: the number of the moment, from 1.
        """
        told = self._ask({"tenant": tenant_id, "act": act, "kill_at": kill_at})
        assert told["ended"] in {"killed", "well"}, f"the worker ended otherwise: {told}"
        return bool(told["ended"] == "killed")

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@contextmanager
def doomed(kenward: Kenward) -> Iterator[Doomed]:
    """Start workers for the length of the block."""
    found = Doomed(kenward)
    try:
        yield found
    finally:
        found.close()


def serve(questions: IO[str], answers: IO[str]) -> None:
    """Answer questions until there are no more."""
    import django

    django.setup()
    _prepare(json.loads(questions.readline()))
    _say(answers, {"ready": True})
    for line in iter(questions.readline, ""):
        question = json.loads(line)
        child = os.fork()
        if child == 0:
            _work_and_end(question)
        _, status = os.waitpid(child, 0)
        _say(answers, {"ended": _how(status), "status": status})


def _prepare(kenward: Mapping[str, Any]) -> None:
    from django.conf import settings

    from apps.connections import providers

    for name, values in kenward["settings"].items():
        setattr(settings, name, [Path(each) if "/" in each else each for each in values])
    if kenward["registered"]:
        kind, label, path = kenward["registered"]
        providers.REGISTRY[kind] = (label, path)
    for name, size in kenward["sizes"].items():
        module, _, attribute = name.rpartition(".")
        setattr(import_module(module), attribute, size)
    for kind in providers.REGISTRY:
        provider = providers.remote(kind)
        if provider is not None:  # as the bench has it: a worker is not killed while it waits
            capabilities = provider.capabilities
            provider.capabilities = replace(capabilities, requests_per_s=10_000, burst=10_000)
    import_module("apps.sync_events.engine")
    import_module("apps.search.indexer.indexing")


def _work_and_end(question: Mapping[str, Any]) -> None:
    ended_well = False
    try:
        _kill_at(question["kill_at"])
        ACTS[question["act"]](question["tenant"])
        ended_well = True
    except BaseException:  # noqa: BLE001  nothing may go on in this copy of the process
        import traceback

        traceback.print_exc()
    os._exit(0 if ended_well else 1)


def _kill_at(chosen: int) -> None:
    from django.db.backends.base.base import BaseDatabaseWrapper

    commit = BaseDatabaseWrapper.commit
    own_thread = threading.get_ident()
    moment = 0

    def pass_moment() -> None:
        nonlocal moment
        if threading.get_ident() == own_thread:
            moment += 1
            if moment == chosen:
                os.kill(os.getpid(), signal.SIGKILL)

    def counted(self: BaseDatabaseWrapper) -> None:
        pass_moment()
        commit(self)
        pass_moment()

    BaseDatabaseWrapper.commit = counted  # type: ignore[method-assign]  # in this copy only


def _sync(tenant_id: int) -> None:
    from apps.sync_events import engine, schedule
    from apps.tenants.context import tenant_context

    with tenant_context(tenant_id):
        while claimable := schedule.claimable_runs():
            engine.work(claimable[0][0])


def _index(tenant_id: int) -> None:
    from apps.search.indexer import indexing, queue, repoint
    from apps.tenants.context import tenant_context

    with tenant_context(tenant_id):
        while claimed := queue.claim(20):
            for document_id in claimed:
                indexing.index(document_id)
        while repoint.repoint_chunks(200):
            continue


ACTS: Mapping[str, Callable[[int], None]] = {"sync": _sync, "index": _index}


def _how(status: int) -> str:
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return "killed"
    return "well" if status == 0 else "badly"


def _say(answers: IO[str], told: Mapping[str, Any]) -> None:
    answers.write(json.dumps(told) + "\n")
    answers.flush()


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
