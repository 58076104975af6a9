"""What the proof says at its end: words for people, and one line of JSON for programs."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from apps.ops.proof.run import Tally

_MARK = "DISAGREEMENT "
# What several processes have each found adds up; they ask about people of their own.
_ADDED = ("steps", "users", "documents", "disagreements", "verdicts", "explained")


def show(tally: Tally, *, seed: int, seconds: float, only_json: bool) -> None:
    """Print the result; the last line is always the JSON.

    Args:
        tally: what was compared.
        seed: which run it was.
        seconds: how long it took.
        only_json: leave out the words.
    """
    line = {
        "steps": tally.steps,
        "users": tally.users,
        "documents": tally.documents,
        "disagreements": len(tally.disagreements),
        "verdicts": tally.verdicts,
        "explained": tally.explained,
        "dialects": dict(tally.dialects),
        "seeds": [seed],
    }
    for sentence in [] if only_json else tally.disagreements:
        sys.stdout.write(f"{_MARK}{sentence}\n")
    _print(line, seconds, only_json=only_json)


def add_up(outputs: Sequence[str], *, seconds: float, only_json: bool) -> None:
    """Print what several processes found together.

    Args:
        outputs: what each printed; one that broke off printed no JSON, and its traceback is above.
        seconds: how long all of it took.
        only_json: leave out the words.
    """
    total: Counter[str] = Counter()
    dialects: Counter[str] = Counter()
    seeds: list[int] = []
    for output in outputs:
        lines = output.splitlines()
        if not only_json:
            found = [line for line in lines if line.startswith(_MARK)]
            sys.stdout.writelines(f"{line}\n" for line in found)
        if not lines or not lines[-1].startswith("{"):
            continue
        told = json.loads(lines[-1])
        total.update({name: told[name] for name in _ADDED})
        dialects.update(told["dialects"])
        seeds += told["seeds"]
    line = {**{name: total[name] for name in _ADDED}, "dialects": dict(dialects), "seeds": seeds}
    _print(line, seconds, only_json=only_json)


def _print(line: dict[str, Any], seconds: float, *, only_json: bool) -> None:
    if not only_json:
        for dialect, steps in sorted(line["dialects"].items()):
            sys.stdout.write(f"{steps:>8,} changes in {dialect}\n")
        sys.stdout.write(
            "{steps:,} steps, {users} people, {documents:,} documents, {verdicts:,} verdicts,"
            " {explained:,} explained, {disagreements} disagreements".format(**line)
            + f" in {seconds:,.0f} s\n"
        )
    sys.stdout.write(json.dumps(line) + "\n")
