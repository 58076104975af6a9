from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.documents.extract.errors import Corrupt, ExtractionError, OutOfMemory, TimedOut
from apps.documents.extract.process import ReaderProcess

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def reader() -> Iterator[ReaderProcess]:
    process = ReaderProcess(readers={"plain": "tests.documents.hostile_reader"})
    yield process
    process.close()


def order(reader: ReaderProcess, what: str, **limits: float) -> str:
    return reader.read(what.encode(), file_name="order.txt", **limits).text  # type: ignore[arg-type]


def is_running(process_id: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process_id}/status").read_text()
    except OSError:
        return False


def ends_within(process_id: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not is_running(process_id):
            return True
        time.sleep(0.02)
    return False


def test_one_child_reads_many_files(reader: ReaderProcess) -> None:
    assert order(reader, "be") == order(reader, "be")


def test_the_child_is_replaced_after_its_share_of_files() -> None:
    reader = ReaderProcess(readers={"plain": "tests.documents.hostile_reader"}, files_per_process=2)
    first, second, third = (order(reader, "be") for _ in range(3))
    reader.close()
    assert first == second != third


@pytest.mark.parametrize("how", ["sleep", "spin"])
def test_a_reader_that_hangs_is_ended_in_time(reader: ReaderProcess, how: str) -> None:
    order(reader, "be")
    child = reader.process_id
    began_at = time.monotonic()
    with pytest.raises(TimedOut):
        order(reader, how, timeout_s=0.5)
    assert time.monotonic() - began_at < 2
    assert child is not None
    assert not is_running(child)
    assert order(reader, "be")


def test_a_reader_that_eats_memory_is_stopped(reader: ReaderProcess) -> None:
    with pytest.raises(OutOfMemory):
        order(reader, "eat", memory_mb=200)
    assert order(reader, "be")


def test_a_parser_that_calls_it_broken_for_want_of_memory_is_not_believed() -> None:
    reader = ReaderProcess()
    body = "<d><body>" + "<p><t>text</t></p>" * 400_000 + "</body></d>"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", body)
    with pytest.raises(OutOfMemory):
        reader.read(stream.getvalue(), file_name="a.docx", memory_mb=120)
    assert len(reader.read(stream.getvalue(), file_name="a.docx").text) > 400_000
    reader.close()


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGTRAP"])
def test_a_reader_that_crashes_spares_the_worker(reader: ReaderProcess, name: str) -> None:
    with pytest.raises(Corrupt) as caught:
        order(reader, f"die {name}")
    assert f"status -{int(getattr(signal, name))}" in caught.value.detail
    assert order(reader, "be")


def test_a_child_that_the_kernel_killed_ran_out_of_memory(reader: ReaderProcess) -> None:
    with pytest.raises(OutOfMemory):
        order(reader, "die SIGKILL")


@pytest.mark.parametrize("how", ["exit", "raise", "garbage", "recurse"])
def test_any_other_misbehaviour_is_a_broken_file(reader: ReaderProcess, how: str) -> None:
    with pytest.raises(Corrupt):
        order(reader, how)
    assert order(reader, "be")


def test_what_a_library_prints_is_no_answer(reader: ReaderProcess) -> None:
    assert order(reader, "print noise").startswith("print ")


def test_the_child_gets_no_secret_and_no_django(
    reader: ReaderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    with pytest.raises(Corrupt) as environment:
        order(reader, "environment")
    with pytest.raises(Corrupt) as modules:
        order(reader, "modules")
    assert "PATH" in environment.value.detail
    assert "DATABASE_URL" not in environment.value.detail
    assert " apps " in modules.value.detail
    assert "django" not in modules.value.detail


def test_the_child_cannot_write_files(reader: ReaderProcess, tmp_path: Path) -> None:
    with pytest.raises(ExtractionError):
        order(reader, f"write {tmp_path / 'left'}")
    assert not (tmp_path / "left").exists() or not (tmp_path / "left").read_bytes()


def test_a_child_that_died_between_two_files_is_replaced(reader: ReaderProcess) -> None:
    order(reader, "be")
    child = reader.process_id
    assert child is not None
    os.kill(child, signal.SIGKILL)
    assert order(reader, "be")


def test_a_child_outlives_no_thread_but_the_next_file_is_read(reader: ReaderProcess) -> None:
    texts: list[str] = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: texts.append(order(reader, "be")))
        thread.start()
        thread.join()
    assert len(texts) == 3


def test_threads_share_one_reader(reader: ReaderProcess) -> None:
    order(reader, "be")
    texts: list[str] = []
    threads = [threading.Thread(target=lambda: texts.append(order(reader, "be"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 8


def test_a_large_file_and_a_large_answer_pass(reader: ReaderProcess) -> None:
    text = "A line of text.\n" * 600_000
    found = reader.read(text.encode(), file_name="long.html")
    assert len(found.text) > 9_000_000


WORKER = """
import io, os, sys, time
from apps.documents.extract import extract, run

def read():
    return extract(io.BytesIO(b"hello"), file_name="a.txt").text

assert read() == "hello"
print(run._reader.process_id, flush=True)
"""


def worker(then: str = "") -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER + textwrap.dedent(then)], cwd=ROOT, stdout=subprocess.PIPE
    )


def test_the_child_dies_with_a_killed_worker() -> None:
    with worker("time.sleep(60)") as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert is_running(child)
        process.kill()
        process.wait()
        assert ends_within(child, 2)


def test_the_child_ends_with_the_worker() -> None:
    with worker() as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert process.wait() == 0
    assert ends_within(child, 2)


def test_a_forked_worker_has_a_child_of_its_own_and_leaves_the_other_alone() -> None:
    then = """
    forked = os.fork()
    if not forked:
        assert read() == "hello"
        print(run._reader.process_id, flush=True)
        os._exit(0)
    assert os.waitpid(forked, 0)[1] == 0
    before = run._reader.process_id
    assert read() == "hello" and run._reader.process_id == before
    """
    with worker(then) as process:
        assert process.stdout is not None
        first, second = (int(process.stdout.readline()) for _ in range(2))
        assert process.wait() == 0
    assert first != second
    assert ends_within(second, 2)
