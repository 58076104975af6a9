"""How long `up` takes: the first start to `serving` and `ready`, and five further starts.

Run it on an idle machine:  .venv/bin/python -m benchmarks.startup
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks import report
from benchmarks.report import Figure
from tests.e2e.running import Running


def main() -> int:
    """Start, stop, and start again."""
    options = report.arguments(__doc__ or "")
    with tempfile.TemporaryDirectory() as folder:
        figures = _measure(Path(folder) / "var", rounds=2 if options.quick else 5)
    return report.show(figures, options.out)


def _measure(data_dir: Path, *, rounds: int) -> list[Figure]:
    first = Running(data_dir).start()
    serving = first.wait_for("serving ", timeout_s=120)
    ready = serving + first.wait_for("ready ", timeout_s=120)
    stops = [first.stop()]
    again = []
    for _ in range(rounds):
        later = Running(data_dir).start()
        again.append(later.wait_for("serving ", timeout_s=60))
        later.wait_for("ready ", timeout_s=60)
        stops.append(later.stop())
    return [
        Figure("first start, serving", round(serving, 1), "s", 60),
        Figure("first start, ready", round(ready, 1), "s", 90),
        Figure("later start, serving, median", round(statistics.median(again), 1), "s", 12),
        Figure("stop, maximum", round(max(stops), 1), "s", 10),
    ]


if __name__ == "__main__":
    sys.exit(main())
