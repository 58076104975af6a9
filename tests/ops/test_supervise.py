"""The supervisor, with small real programs as children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from apps.ops import supervise
from apps.ops.errors import KeptDying
from apps.ops.processes import ChildSpec
from apps.ops.supervise import Supervisor
from tests.ops.processes_seen import eventually, is_running

REPOSITORY = Path(__file__).resolve().parents[2]


def program(name: str, code: str, **fields: object) -> ChildSpec:
    argv = (sys.executable, "-u", "-c", textwrap.dedent(code))
    return ChildSpec(name=name, argv=argv, **fields)  # type: ignore[arg-type]


@pytest.fixture
def lines() -> list[str]:
    return []


def test_lines_of_children_carry_their_name(lines: list[str]) -> None:
    with Supervisor(lines.append) as supervisor:
        supervisor.start(program("worker", "print('one'); print('two', end='')"))
        supervisor.run(lambda: any("ended" in line for line in lines))
    assert lines[:2] == ["[worker] one", "[worker] two"]


def test_a_dead_child_is_started_again_after_half_a_second(lines: list[str]) -> None:
    with Supervisor(lines.append) as supervisor:
        supervisor.start(program("web", "import time; print('up'); time.sleep(60)"))
        supervisor.run(lambda: "[web] up" in lines)
        first = supervisor.pid("web")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        started_at = time.monotonic()
        supervisor.run(lambda: lines.count("[web] up") == 2)
        assert supervisor.pid("web") != first
    assert 0.5 <= time.monotonic() - started_at < 3
    assert "[up] web ended (signal 9); again in 0.5 s" in lines


def test_delays_double_up_to_eight_seconds(
    lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "DEATHS_ALLOWED", 6)
    # Slowed down a hundred times, the same delays would be 0.5, 1, 2, 4, 8, 8 seconds.
    monkeypatch.setattr(supervise, "FIRST_DELAY_S", 0.005)
    monkeypatch.setattr(supervise, "LONGEST_DELAY_S", 0.08)
    with pytest.raises(KeptDying), Supervisor(lines.append) as supervisor:
        supervisor.start(program("web", "raise SystemExit(3)"))
        supervisor.run(lambda: False)
    delays = [line.rsplit("again in ")[1] for line in lines]
    assert delays == ["0.005 s", "0.01 s", "0.02 s", "0.04 s", "0.08 s", "0.08 s"]


def test_the_fifth_death_in_a_minute_ends_everything_with_the_last_twenty_lines(
    lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "FIRST_DELAY_S", 0.01)
    with pytest.raises(KeptDying) as raised, Supervisor(lines.append) as supervisor:
        supervisor.start(program("other", "import time; time.sleep(60)"))
        other = supervisor.pid("other")
        supervisor.start(
            program("beat", "[print('line', n) for n in range(30)]; raise SystemExit(7)")
        )
        supervisor.run(lambda: False)
    first, *last_lines = raised.value.message.splitlines()
    assert first == ("beat ended 5 times within a minute (exit code 7). Its last lines:")
    assert last_lines == [f"line {n}" for n in range(10, 30)]
    assert other is not None
    assert not is_running(other)


def test_deaths_that_lie_apart_never_end_it(
    lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(supervise, "DEATHS_WINDOW_S", 0.02)
    with Supervisor(lines.append) as supervisor:
        supervisor.start(program("beat", "import time; time.sleep(0.03)"))
        supervisor.run(lambda: len(lines) >= 7, every_s=0.01)
    assert sum("ended" in line for line in lines) > supervise.DEATHS_ALLOWED


def test_a_child_that_ignores_the_signal_is_killed_with_all_that_it_started(
    lines: list[str],
) -> None:
    code = """
        import signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        inner = subprocess.Popen([sys.executable, "-c", "import signal, time;"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN);"
            "print('x', flush=True); time.sleep(60)"],
            stdout=subprocess.PIPE)
        inner.stdout.readline()
        print(inner.pid)
        time.sleep(60)
    """
    with Supervisor(lines.append, stop_within_s=1.0) as supervisor:
        supervisor.start(program("stubborn", code))
        supervisor.run(lambda: bool(lines))
        outer, inner = supervisor.pid("stubborn"), int(lines[0].split()[1])
        stopped_at = time.monotonic()
    assert time.monotonic() - stopped_at < 3
    assert outer is not None
    assert not is_running(outer)
    assert eventually(lambda: not is_running(inner))


def test_what_a_dead_child_left_behind_is_killed_before_it_starts_again(lines: list[str]) -> None:
    code = """
        import subprocess, sys, time
        inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        print(inner.pid)
        time.sleep(60)
    """
    with Supervisor(lines.append) as supervisor:
        supervisor.start(program("pool", code))
        supervisor.run(lambda: bool(lines))
        inner, outer = int(lines[0].split()[1]), supervisor.pid("pool")
        assert outer is not None
        os.kill(outer, signal.SIGKILL)
        supervisor.run(lambda: len(lines) >= 3)
        assert not is_running(inner)


def test_services_outlive_those_that_use_them(lines: list[str], tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = """
        import signal, sys, time
        def stop(*_):
            open({order!r}, "a").write({name!r} + "\\n"); sys.exit()
        signal.signal(signal.SIGTERM, stop)
        print("up")
        time.sleep(60)
    """
    with Supervisor(lines.append) as supervisor:
        for name, stage in (("postgres", 0), ("web", 1)):
            spec = program(name, code.format(order=str(order), name=name), stage=stage)
            supervisor.start(spec)
        supervisor.run(lambda: len(lines) == 2)
    assert order.read_text().split() == ["web", "postgres"]


def test_a_line_without_an_end_does_not_fill_the_memory(lines: list[str]) -> None:
    code = "import sys, time; sys.stdout.write('x' * 1_000_000); sys.stdout.flush(); time.sleep(60)"
    with Supervisor(lines.append) as supervisor:
        supervisor.start(program("web", code))
        supervisor.run(lambda: sum(map(len, lines)) >= 900_000)
    assert max(map(len, lines)) < 200_000


def test_no_child_outlives_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    code = f"""
        import sys
        sys.path.insert(0, {str(REPOSITORY)!r})
        from apps.ops.processes import ChildSpec
        from apps.ops.supervise import Supervisor
        seen = []
        with Supervisor(lambda line: print(line, flush=True)) as supervisor:
            for name in ("one", "two"):
                supervisor.start(ChildSpec(name=name, argv=(sys.executable, "-u", "-c",
                    "import os, time; print(os.getpid()); time.sleep(60)")))
            supervisor.run(lambda: False)
    """
    with subprocess.Popen(
        [sys.executable, "-u", "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    ) as outer:
        assert outer.stdout is not None
        pids = [int(outer.stdout.readline().split()[1]) for _ in range(2)]
        assert all(map(is_running, pids))
        outer.kill()
    assert eventually(lambda: not any(map(is_running, pids)))
