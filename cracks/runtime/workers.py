"""Work in other processes, which may be killed."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import TypeVar, cast

from cracks.project.errors import CracksError
from cracks.runtime.lifetime import start_pool_worker

Item = TypeVar("Item")
Result = TypeVar("Result")


def allowed_threads() -> int:
    """The threads that `OMP_NUM_THREADS` allows this process; 0 if it is not set."""
    value = os.environ.get("OMP_NUM_THREADS", "")
    return int(value) if value.isdecimal() else 0


def in_processes(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    chunk: int = 1,
    advice: str = "free memory",
) -> Iterator[Result]:
    """Yield `function(item)` of each item, in order, computed in parallel.

    The workers end with this process, however it ends, and leave Ctrl-C to it.

    Args:
        function: one that can be pickled.
        items: consumed at once; results are yielded as they come.
        chunk: items that a process takes at a time.
        advice: how to save memory, for the error message.

    Raises:
        CracksError: if a process was killed, as systems do when memory runs out.
    """
    try:
        with ProcessPoolExecutor(initializer=start_pool_worker) as pool:
            yield from pool.map(function, items, chunksize=chunk)
    except BrokenProcessPool:
        raise _killed(advice) from None


def in_own_process(function: Callable[..., Result], *arguments: object) -> Result:
    """`function(*arguments)`, computed in a new process, which frees its memory when it ends.

    The process inherits nothing but the environment, so libraries with threads may be in use here.
    It ends with this one, and leaves Ctrl-C to it.

    Args:
        function: one that can be pickled, as can its result.
        *arguments: of the function, which can be pickled too.

    Raises:
        CracksError: if the process was killed, as systems do when memory runs out, or ended
            before it had a result.
    """
    context = multiprocessing.get_context("spawn")
    results, there = context.Pipe(duplex=False)
    process = context.Process(target=_send_result, args=(there, function, *arguments))
    # blocked for good in the new process, whose imports it would interrupt
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    there.close()
    try:
        result, error = results.recv()
    except EOFError:
        process.join()
        if process.exitcode == -signal.SIGKILL:
            raise _killed("free memory") from None
        raise CracksError(
            f"Expected a result of a worker process, found that it ended with {process.exitcode}; "
            "see what it printed above, and run again."
        ) from None
    finally:
        process.join()
        results.close()
    if error:
        raise error
    return cast("Result", result)


def _send_result(there: Connection, function: Callable[..., object], *arguments: object) -> None:
    start_pool_worker()
    answer: tuple[object, Exception | None]
    try:
        answer = function(*arguments), None
    except Exception as error:  # noqa: BLE001  # raised where the result is awaited
        answer = None, error
    there.send(answer)


def _killed(advice: str) -> CracksError:
    return CracksError(
        f"A worker process was killed, probably because memory ran out; {advice} and run again."
    )
