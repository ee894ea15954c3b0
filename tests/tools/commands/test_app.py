"""The command: what it needs, the port it takes, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing

import pytest

from cracks.project.errors import CracksError
from cracks.tools.commands import app
from tests.support.project import ROOT

HOST = "127.0.0.1"
SERVE = """
import sys
from cracks.runtime.lifetime import end_on_interrupt
end_on_interrupt("Interrupted.")
from cracks.tools.commands import app
from tests.support.walls import CLASSIFIER
app.load_cell_classifier = lambda *_: CLASSIFIER
app.run("vgg16", int(sys.argv[1]))
"""


def test_what_is_not_installed_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(CracksError, match="Expected the package uvicorn .* run `make app`"):
        app.run(None, 8050)


@pytest.fixture
def uvicorn() -> None:
    pytest.importorskip("uvicorn", reason="make test-app installs it")


def test_a_port_in_use_is_one_sentence(uvicorn: None, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CracksError, match=f"a free port for http://{HOST}:{port}, .*in use"):
            app.run(None, port)
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_ctrl_c_does_not_wait_for_an_upload(uvicorn: None) -> None:
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    assert process.stdout is not None
    assert f"http://{HOST}:{port}" in process.stdout.readline()
    with closing(socket.create_connection((HOST, port))) as client:
        head = f"POST /photographs HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000000\r\n"
        client.sendall(f"{head}Content-Type: application/octet-stream\r\n\r\nhalf".encode())
        assert _is_received(port)
        os.kill(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, "Interrupted.\n")


def _is_received(port: int) -> bool:
    """Whether the page answers, which it does after what came before."""
    with closing(socket.create_connection((HOST, port))) as client:
        client.sendall(f"GET /icon.svg HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
        return bool(client.recv(1))
