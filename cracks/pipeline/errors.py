"""The one exception that is meant for people, and how a process ends on it."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class CracksError(Exception):
    """What the user or the world did, in one sentence: expected, found, what to do."""


@contextmanager
def exit_on_error() -> Iterator[None]:
    """End the process with one sentence and status 1 on what is no mistake of the program.

    These are `CracksError` and what the operating system refuses. A bug keeps its traceback.
    """
    try:
        yield
        sys.stdout.flush()
    except CracksError as error:
        sys.exit(f"Error: {error}")
    except BrokenPipeError:  # the reader of a pipe has seen enough
        _discard_output()
        sys.exit(1)
    except OSError as error:
        _discard_output()
        sys.exit(f"Error: {explained(error)}")


def explained(error: OSError) -> str:
    """What the operating system refused, as a sentence with the path and what to do."""
    path = error.filename or "a file"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            where = f" while writing {error.filename}" if error.filename else ""
            return f"no space left on the disk{where}; free some and run again."
        case errno.EACCES | errno.EPERM:
            return f"no permission for {path}; change its owner or its mode."
        case errno.EROFS:
            return f"{path} is on a file system that is read-only; write elsewhere."
        case _ if error.filename:
            return f"{path}: {error.strerror or error}."
        case _:
            return f"{error}."


def _discard_output() -> None:
    """Nothing more is printed: what is in the buffer would fail again at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
