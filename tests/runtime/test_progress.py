import io

import pytest

from cracks.runtime import progress as module
from cracks.runtime.progress import announce, progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_lines_not_a_rewritten_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOG_INTERVAL", 0.0)
    log = io.StringIO()
    for _ in progress(range(3), desc="backbone", unit="img", file=log):
        pass
    assert log.getvalue().count("img/s") >= 3
    assert "\r" not in log.getvalue()
    assert "3/3" in log.getvalue()


def test_a_log_is_not_flooded() -> None:
    log = io.StringIO()
    for _ in progress(range(10_000), file=log):
        pass
    assert len(log.getvalue().splitlines()) < 5


def test_a_terminal_gets_a_bar() -> None:
    terminal = Terminal()
    for _ in progress(range(3), file=terminal):
        pass
    assert "\r" in terminal.getvalue()


def test_what_is_announced_stands_above_the_bar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress(total=3, file=terminal):
        announce("converting")
    before, after = terminal.getvalue().split("converting\n")
    assert before.endswith("\r")
    assert "0/3" in after
