"""The exception with a message for the user, and how a process ends on it."""

import errno
import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Result = TypeVar("Result")

ZIP_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    OSError,
    OverflowError,
    RuntimeError,  # NotImplementedError is one
    ValueError,  # UnicodeDecodeError is one
)
"""What zipfile raises on a damaged archive or other bytes."""


_OWN = {"benchmarks", "cracks", "pretraining", "stages"}


class CracksError(Exception):
    """An error for the user, in one sentence: what was expected, what was found, what to do."""


def attempt(function: Callable[..., Result], *arguments: object) -> Result | CracksError:
    """`function(*arguments)`, or the error for the user that it raises."""
    try:
        return function(*arguments)
    except CracksError as error:
        return error


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Exit with one sentence and status 1 on a `CracksError` or where the system cannot go on.

    A package that is not installed is such a case as well. Any other exception is a bug and keeps
    its traceback.
    """
    try:
        yield
        sys.stdout.flush()
    except CracksError as error:
        sys.exit(f"Error: {error}")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in _OWN:
            raise
        sys.exit(
            f"Error: Expected the packages of requirements.txt, found no {error.name}; run "
            "`make .venv/ready`, then `source .venv/bin/activate`."
        )
    except BrokenPipeError:  # the other end of the pipe was closed
        _discard_output()
        sys.exit(1)
    except OSError as error:
        _discard_output()
        sys.exit(f"Error: {explained(error)}")
    except MemoryError:
        _discard_output()
        sys.exit("Error: more memory is needed than there is; free some, or give less at a time.")


def explained(error: OSError) -> str:
    """An error of the operating system as a sentence: the path, the reason, what to do."""
    path = error.filename or "a file"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            where = f" while writing {error.filename}" if error.filename else ""
            return f"no space left on the disk{where}; free space and run again."
        case errno.EACCES | errno.EPERM:
            return f"no permission for {path}; change its owner or its mode."
        case errno.EFBIG:
            return f"{path} would be larger than files may be here; raise the limit (`ulimit -f`)."
        case errno.EROFS:
            return f"{path} is on a read-only file system; write elsewhere."
        case _ if error.filename:
            return f"{path}: {error.strerror or error}."
        case _:
            return f"{error}."


def _discard_output() -> None:
    """Redirect standard output to null: flushing its buffer at exit would fail again."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
