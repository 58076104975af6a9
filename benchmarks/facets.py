"""Facets and suggestions at size: 1,000,000 passages of 160,000 documents.

In an embedded PostgreSQL as durable as in production. The person who reads everything, and people
who read a part. Run it on an idle machine:
    .venv/bin/python -m benchmarks.facets [--quick]
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import report, scratch
from benchmarks.report import Figure

if TYPE_CHECKING:
    from benchmarks.named_documents import Named

BOUND_MS = 100.0
_PEOPLE = (1, 2, 3)


def main() -> int:
    """Build the tenant, measure, and judge."""
    options = report.arguments(__doc__ or "")
    with scratch.database():
        # Models load only now that Django knows its database.
        from benchmarks import named_documents

        size = named_documents.QUICK if options.quick else named_documents.FULL
        named = named_documents.build(size)
        figures = _measured(named, rounds=5 if options.quick else 25)
    return report.show(figures, options.out)


def _measured(named: Named, *, rounds: int) -> list[Figure]:
    from django.db import transaction
    from django.utils import timezone

    from apps.search.page import facets, suggestions
    from apps.search.understanding import spelling
    from apps.tenants.context import tenant_context, user_context
    from benchmarks import big_tenant

    today = timezone.now().date()
    word = max(named.title.split(), key=len)
    typed = {
        "2 letters": word[:2].lower(),
        "4 letters": word[:4],
        "a word": word,
        "two words": f"{word} {named.title.split()[0][:3]}",
        "a slip": f"{word[:3]}q{word[4:]}",
        "an author": named.author,
    }
    figures = []
    for number in _PEOPLE:
        person = big_tenant.user(number)
        with tenant_context(named.big.tenant), user_context(number), transaction.atomic():
            total = facets.of_all(person, today=today).total
            settings = {"person": number, "documents": total, "rounds": rounds}
            acts: dict[str, Callable[[], object]] = {
                "facets": lambda person=person: facets.of_all(person, today=today),  # type: ignore[misc]
                **{
                    f"suggest, {name}": lambda person=person, text=text: suggestions.suggest(  # type: ignore[misc]
                        person, text
                    )
                    for name, text in typed.items()
                },
                "spelling": lambda person=person: spelling.corrected(person, typed["a slip"]),  # type: ignore[misc]
            }
            for name, act in acts.items():
                cpu_before = _cpu_ms()
                spent = sorted(_milliseconds(act) for _ in range(rounds))
                cpu = round((_cpu_ms() - cpu_before) / rounds, 1)
                figures += [
                    Figure(f"{name}, person {number}, p50", spent[len(spent) // 2], "ms",
                           BOUND_MS, settings=settings),
                    Figure(f"{name}, person {number}, p95", spent[int(len(spent) * 0.95)], "ms",
                           settings=settings),
                    Figure(f"{name}, person {number}, CPU", cpu, "ms", settings=settings),
                ]  # fmt: skip
    return figures


def _cpu_ms() -> float:
    """Return what this process and its database session have computed so far.

    That is what a latency would be with the machine to oneself.
    """
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return time.process_time() * 1000 + ticks * 1000 / os.sysconf("SC_CLK_TCK")


def _milliseconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return round((time.perf_counter() - started) * 1000, 2)


if __name__ == "__main__":
    sys.exit(main())
