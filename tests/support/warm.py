"""`python -m …` and `dvc …` in forks of a process that has imported the packages.

Importing pandas, scikit-learn, OpenVINO and DVC takes longer than most commands do. Nothing of this
project is imported before the fork: a copy of it in another folder runs its own code. What DVC runs
as a stage is a process of its own, as ever.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from functools import cache
from importlib import import_module
from typing import NamedTuple

PACKAGES = (
    "click",
    "dvc.cli.parser",
    "dvc.repo",
    "dvc.repo.reproduce",
    "filelock",
    "h5py",
    "matplotlib.figure",
    "networkx",
    "openvino",
    "pandas",
    "PIL.Image",
    "pydantic",
    "pyparsing",
    "ruamel.yaml",
    "scipy.optimize",
    "scipy.stats",
    "sklearn.linear_model",
    "tqdm",
    "yaml",
)

_ENVIRONMENT = dict(os.environ)
# what variables begin with that Python and the packages read when they start; a command with
# another value of one of those is no fork
_READ_EARLY = (
    *("DVC_", "HOME", "LANG", "LC_", "LD_", "MPL", "PYTHON", "TQDM_", "TZ", "XDG_"),
    *("MKL_", "NPY_", "OMP_", "ONEDNN_", "OPENBLAS_", "OPENVINO_", "OV_", "SCIPY_", "SKLEARN_"),
)
_LARGEST = 2**17  # bytes of a request


class Answer(NamedTuple):
    """How a command ended, and what it printed, both streams together."""

    returncode: int
    stdout: str


def can_run(command: tuple[str, ...], environment: dict[str, str]) -> bool:
    """Whether it is a module's or DVC's, in an environment in which packages import the same."""
    changed = dict(environment.items() ^ _ENVIRONMENT.items())
    early = any(name.startswith(_READ_EARLY) for name in changed)
    return bool(_module_of(command)) and not early


def _module_of(command: tuple[str, ...]) -> tuple[str, ...]:
    """The module that a command runs, with its arguments; nothing if it runs none."""
    if command[:2] == ("python", "-m"):
        return command[2:]
    return command if command[:1] == ("dvc",) else ()


def run(command: tuple[str, ...], folder: str, environment: dict[str, str]) -> Answer:
    """Run what `can_run` says can be run, in a folder."""
    requests = _server()
    printed, end = os.pipe()
    try:
        request = json.dumps([_module_of(command), folder, environment]).encode()
        socket.send_fds(requests, [request], [end])
    finally:
        os.close(end)
    with os.fdopen(printed, encoding="utf-8") as file:
        text = file.read()
    return Answer(int(requests.recv(_LARGEST)), text)


@cache
def _server() -> socket.socket:
    """Where the warm process takes requests; it ends with this process."""
    requests, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with there:
        command = [sys.executable, __file__, str(there.fileno())]
        process = subprocess.Popen(command, env=_ENVIRONMENT, pass_fds=[there.fileno()])
    atexit.register(process.wait)
    atexit.register(requests.close)  # before that
    return requests


def _serve(requests: socket.socket) -> None:
    """Fork for each request; only the forks return, to run it."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(requests, _LARGEST, 1)
        if not request:
            sys.exit()
        (output,) = descriptors
        child = os.fork()
        if not child:
            requests.close()
            _become(request, output)
            return
        os.close(output)
        _, status = os.waitpid(child, 0)
        requests.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(request: bytes, output: int) -> None:
    """Take on the output, folder, variables and arguments of a request."""
    arguments, folder, environment = json.loads(request)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = folder
    sys.argv[:] = arguments


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ends with the process that started it
    for package in PACKAGES:
        import_module(package)
    gc.freeze()  # what is imported by now is not scanned when a fork ends
    _serve(socket.socket(fileno=int(sys.argv[1])))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
