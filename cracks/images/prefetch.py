"""Prefetching: the next images are decoded in threads while the current ones are used.

Pillow releases the interpreter's lock while it decodes, so threads are enough.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from cracks.runtime.workers import allowed_threads

Item = TypeVar("Item")
Result = TypeVar("Result")

# a quantised backbone takes images as fast as all cores decode them
_THREADS = allowed_threads() or os.cpu_count() or 1
_DEPTH = 48 + _THREADS  # results that may wait: three batches, and one for each thread


def prefetch(
    function: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[tuple[Item, Result]]:
    """Yield `(item, function(item))` in order, computed in threads some items ahead."""
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting: deque[tuple[Item, Future[Result]]] = deque()
        for item in items:
            waiting.append((item, pool.submit(function, item)))
            if len(waiting) > _DEPTH:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()
