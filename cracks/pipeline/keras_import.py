"""Import Keras without TensorFlow's start-up messages."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def import_keras() -> Any:
    """The module `keras`, with TensorFlow set up as every stage relies on.

    TensorFlow reads the variables when it is first imported: its own log is silent, and oneDNN's
    kernels are on, whose results do not depend on the number of threads. Its C++ libraries print
    messages before they read any setting, so standard error is closed meanwhile.
    """
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
        with _silent_stderr():
            import keras  # noqa: F401
    return sys.modules["keras"]


@contextmanager
def _silent_stderr() -> Iterator[None]:
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
