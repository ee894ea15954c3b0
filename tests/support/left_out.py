"""At the end of a run: which tests were left out, and which `make` target runs them.

pytest lists what was skipped with its reason; this plugin adds what a marker left out, which pytest
only counts, and not even that if the tests run in several processes.
"""

from collections import Counter
from typing import Any

import pytest

_LEFT_OUT = pytest.StashKey[dict[str, int]]()


def pytest_configure(config: pytest.Config) -> None:
    """No test is left out yet."""
    config.stash[_LEFT_OUT] = {}


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count the tests by file."""
    if items:
        config = items[0].config
        files = [item.path.relative_to(config.rootpath).as_posix() for item in items]
        config.stash[_LEFT_OUT] |= Counter(files)


@pytest.hookimpl
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of pytest-xdist tells the one that started it."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash[_LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """All processes of pytest-xdist collect the same tests, so one of them is enough."""
    told = getattr(node, "workeroutput", {}).get("left_out")
    if told:
        node.config.stash[_LEFT_OUT] = told


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the files, the one with the most tests first."""
    left_out = config.stash[_LEFT_OUT]
    if not left_out or "slow" not in config.option.markexpr:
        return
    terminalreporter.section("left out: `make test-all` runs them")
    for path, number in Counter(left_out).most_common():
        terminalreporter.write_line(f"{number:5} {path}")
