"""Progress bars on a terminal, progress lines in a log.

On a terminal this is tqdm's bar. In a CI log or a pipe the bar would be one endless line, so a new
line is printed every few seconds instead.
"""

import sys
from typing import Any

from tqdm import tqdm

LOG_INTERVAL = 5.0  # seconds between two lines where there is no terminal


class _LogLines(tqdm):  # type: ignore[type-arg]
    """tqdm that prints a new line instead of rewriting the last one."""

    def display(self, msg: str | None = None, pos: int | None = None) -> None:  # noqa: ARG002
        if self.n:
            self.fp.write(f"{msg or self}\n")
            self.fp.flush()


def progress(*args: Any, **kwargs: Any) -> Any:
    """`tqdm.tqdm(...)`, printed as a line every five seconds where there is no terminal."""
    kwargs = {"file": sys.stderr, "dynamic_ncols": True, **kwargs}
    if kwargs["file"].isatty():
        return tqdm(*args, **kwargs)
    seldom = {"mininterval": LOG_INTERVAL, "maxinterval": LOG_INTERVAL}
    return _LogLines(*args, **kwargs | seldom | {"dynamic_ncols": False, "ncols": 100})


def announce(text: str) -> None:
    """Print to standard error, above the bar if there is one, what takes long before it moves."""
    tqdm.write(text, file=sys.stderr)
    sys.stderr.flush()
