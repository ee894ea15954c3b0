"""A process pool whose workers may be killed."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from cracks.pipeline.errors import CracksError
from cracks.pipeline.lifetime import start_pool_worker

Item = TypeVar("Item")
Result = TypeVar("Result")


def allowed_threads() -> int:
    """The threads that `OMP_NUM_THREADS` allows this process; 0 if it says nothing."""
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
        raise CracksError(
            f"A worker process was killed, probably because memory ran out; {advice} and run again."
        ) from None
