"""A pool of processes on all cores."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from cracks.pipeline.errors import CracksError
from cracks.pipeline.lifetime import start_pool_worker


@contextmanager
def process_pool() -> Iterator[ProcessPoolExecutor]:
    """Yield a pool whose workers end with this process and leave Ctrl-C to it.

    Raises:
        CracksError: if a worker was killed.
    """
    try:
        with ProcessPoolExecutor(initializer=start_pool_worker) as pool:
            yield pool
    except BrokenProcessPool:
        raise CracksError(
            "A worker process was killed, perhaps because memory ran out; "
            "close other programs and run again."
        ) from None
