"""How a process begins, and ends early: on Ctrl-C, and when what started it has ended.

This module is imported before anything that takes long to import, so it imports little itself.
"""

import gc
import io
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from cracks.project.temporary import remove_temporary

_ENDING = [  # Ctrl-C, `kill` and `timeout`, a terminal that was closed, which Windows lacks
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]

_SHELLS = {"sh", "ash", "bash", "dash", "fish", "ksh", "zsh"}


def prepare_streams() -> None:
    r"""Open the null device in place of closed streams; escape what a stream cannot show.

    Otherwise the first file that is opened gets the number of the closed stream, and with it what
    libraries print. A name such as `façade.jpg` becomes `fa\xe7ade.jpg` where the encoding of the
    terminal or of `PYTHONIOENCODING` lacks a character.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            null = os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
            setattr(sys, name, os.fdopen(null, "w" if number else "r", closefd=False))
        elif number and isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def end_on_interrupt(sentence: str) -> None:
    """On Ctrl-C print `sentence`, remove temporary files and end with status 130.

    So it does on SIGTERM and SIGHUP, with 128 and their number, as shells count. A signal that is
    ignored, as in the background or by nohup, stays so.

    `KeyboardInterrupt` would arrive in the middle of imports and callbacks of libraries, which
    swallow it or print a traceback. Ending at once is safe: files are renamed when complete.
    """
    process, stderr = os.getpid(), os.dup(2)  # 2 is closed while TensorFlow is imported
    line = f"{sentence}\n".encode()
    if os.isatty(stderr):  # the terminal has just shown ^C
        line = b"\n" + line

    def end(number: int, _frame: FrameType | None) -> None:
        for ending in _ENDING:
            signal.signal(ending, signal.SIG_IGN)
        if os.getpid() == process:  # else a pool worker before its initializer
            with suppress(OSError):
                os.write(stderr, line)
            remove_temporary()
        os._exit(128 + number)

    for ending in _ENDING:
        if signal.getsignal(ending) is not signal.SIG_IGN:
            signal.signal(ending, end)


def end_with_dvc() -> None:
    """Make this process end when the DVC that runs it as a stage does, even if that is killed.

    Otherwise it would go on and overwrite the outputs of a later run.
    """
    if "DVC_STAGE" not in os.environ:  # run by hand
        return
    import psutil

    try:
        dvc = psutil.Process().parent()
        while dvc and dvc.name() in _SHELLS:
            dvc = dvc.parent()
    except psutil.NoSuchProcess:
        os._exit(1)
    if dvc is None or (dvc.pid == 1 and "python" not in dvc.name() and "dvc" not in dvc.name()):
        os._exit(1)  # it has ended already, and init has adopted its children
    _end_after(dvc.wait)


def start_pool_worker() -> None:
    """Initialise a worker of a process pool: Ctrl-C is its parent's, and it ends with that.

    The garbage collector leaves out what a fork has copied: destructors of the parent's objects
    would wait for threads that do not exist here.
    """
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if parent := multiprocessing.parent_process():
        _end_after(parent.join)


def _end_after(wait: Callable[[], object]) -> None:
    def end() -> None:
        wait()
        remove_temporary()
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()
