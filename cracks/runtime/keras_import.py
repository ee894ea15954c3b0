"""Import Keras without TensorFlow's start-up messages."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cracks.runtime.workers import allowed_threads

# Keras and TensorFlow import these if they are installed, for features that no stage uses. They
# take nearly half of the time of that import.
_UNUSED = ("matplotlib", "pandas", "scipy", "sklearn")


def import_keras() -> Any:
    """Import the module `keras`, with TensorFlow configured as every stage expects.

    TensorFlow reads the environment variables on import: its log is silenced, and oneDNN's kernels
    are enabled, whose results do not depend on the number of threads (`OMP_NUM_THREADS`, as
    elsewhere). Its C++ libraries print messages before they read any setting, so standard error is
    redirected meanwhile.
    """
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
        if threads := allowed_threads():
            os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(threads))
        with silent_stderr(), _lean_import():
            import keras  # noqa: F401
    return sys.modules["keras"]


@contextmanager
def _lean_import() -> Iterator[None]:
    """Let modules of `_UNUSED` that are not imported yet appear not to be installed.

    The garbage collector pauses as well, and never looks at those modules again, not even on exit.
    """
    hidden = [name for name in _UNUSED if name not in sys.modules]
    collected = gc.isenabled()
    gc.disable()
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: "not installed"
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
        gc.freeze()
        if collected:
            gc.enable()


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Suppress what is printed to standard error, even by C++ libraries."""
    sys.stderr.flush()
    kept = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)
