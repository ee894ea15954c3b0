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

    These are `CracksError`, a full disk, files without permission, and Ctrl-C (status 130). A bug
    keeps its traceback.
    """
    try:
        yield
    except CracksError as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        print("Interrupted; what was finished is kept.", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except PermissionError as error:
        sys.exit(f"Error: no permission for {error.filename}; change its owner or its mode.")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = f" while writing {error.filename}" if error.filename else ""
        sys.exit(f"Error: no space left on the disk{where}; free some and run again.")
