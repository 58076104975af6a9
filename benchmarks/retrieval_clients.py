"""Some of the clients that ask at the same time; `benchmarks.retrieval` starts it.

Prints {"answered": …, "ms": […]}: what was answered within the time, and how long each took.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path


def main() -> int:
    """Ask for some seconds, from several threads."""
    collections, threads, seconds, number = sys.argv[1:]
    import django

    django.setup()
    from django.db import connections

    from apps.tenants.models import Tenant
    from benchmarks import real_vectors, retrieval_asking
    from benchmarks.filtered_data import REACHES

    tenant = Tenant.objects.get(slug="benchmark")
    questions = real_vectors.questions(Path(collections))
    reaches = list(REACHES)
    spent: list[float] = []
    ready, until = threading.Barrier(int(threads)), [0.0]

    def ask(thread: int) -> None:
        place = (int(number) * int(threads) + thread) * 200
        retrieval_asking.ask(tenant, reaches[0], questions[place])
        ready.wait()
        until[0] = time.monotonic() + int(seconds)
        while time.monotonic() < until[0]:
            place += 1
            reach = reaches[place % len(reaches)]
            heard = retrieval_asking.ask(tenant, reach, questions[place % len(questions)])
            spent.append(heard.ms)
        connections.close_all()

    running = [threading.Thread(target=ask, args=(n,)) for n in range(int(threads))]
    for each in running:
        each.start()
    for each in running:
        each.join()
    sys.stdout.write(json.dumps({"answered": len(spent), "ms": spent}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
