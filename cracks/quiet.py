"""TensorFlow without its greeting."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def import_quietly() -> None:
    """Import TensorFlow and Keras with what their C++ libraries print on loading left out.

    They write it before they read any setting that would silence it.
    """
    if "keras" not in sys.modules:
        with _silent_stderr():
            import keras  # noqa: F401


@contextmanager
def _silent_stderr() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
