import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cracks.project.errors import CracksError
from cracks.runtime.workers import allowed_threads, in_own_process, in_processes


def test_results_come_in_order() -> None:
    assert list(in_processes(abs, [-3, 1, -2])) == [3, 1, 2]


def test_an_error_of_the_function_stays_that_error() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        list(in_processes(int, ["1", "x"]))


def test_a_killed_process_is_one_sentence() -> None:
    with pytest.raises(CracksError, match="killed, .* memory ran out; close a browser and run"):
        list(in_processes(os._exit, [9], advice="close a browser"))


class EndsAWorker:
    """Garbage that waits for the collector, with a destructor for the process that made it."""

    def __init__(self) -> None:
        self.process, self.itself = os.getpid(), self

    def __del__(self) -> None:
        if os.getpid() != self.process:
            os._exit(9)


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def collect(_number: int) -> None:
    gc.collect()


@pytest.mark.usefixtures("no_collection")
def test_workers_leave_the_garbage_of_their_parent_alone() -> None:
    EndsAWorker()
    assert list(in_processes(collect, [1, 2])) == [None, None]


def test_a_new_process_gives_a_result() -> None:
    assert in_own_process(os.getpid) != os.getpid()
    assert in_own_process(pow, 2, 10) == 1024


def test_a_new_process_leaves_ctrl_c_to_its_parent() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert signal.SIGINT in in_own_process(signal.pthread_sigmask, signal.SIG_BLOCK, [])
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


WAITING = """
import signal
import time
from cracks.runtime.lifetime import end_on_interrupt
from cracks.runtime.workers import in_own_process
signal.signal(signal.SIGINT, signal.default_int_handler)  # else ignored below nohup
end_on_interrupt("Interrupted.")
print("started", flush=True)
in_own_process(time.sleep, 600)
"""


def test_ctrl_c_ends_both_processes_with_a_sentence() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "started\n"
    os.killpg(process.pid, signal.SIGINT)
    # the pipe ends when the last process has ended
    assert process.communicate(timeout=60)[1] == "Interrupted.\n"
    assert process.returncode == 130


def test_errors_of_a_new_process_are_those_of_the_function_or_a_sentence() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        in_own_process(int, "x")
    with pytest.raises(CracksError, match="killed, .* memory ran out; free memory and run"):
        in_own_process(signal.raise_signal, signal.SIGKILL)
    with pytest.raises(CracksError, match="worker process, found that it ended with 9; see"):
        in_own_process(os._exit, 9)


@pytest.mark.parametrize(("value", "threads"), [("3", 3), ("", 0), ("4,2", 0)])
def test_threads_follow_omp_num_threads(
    value: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert allowed_threads() == threads
