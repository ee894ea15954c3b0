"""The command lines of the benchmarks."""

import argparse
from collections.abc import Callable

from cracks.project.errors import exit_on_error
from cracks.runtime.lifetime import end_on_interrupt


def benchmark_parser(name: str, doc: str | None) -> argparse.ArgumentParser:
    """A parser for `python -m benchmarks.NAME`, described by the docstring of that module.

    The first paragraph is the description; what follows is shown as it is, below the options.
    """
    description, _, epilog = (doc or "").partition("\n\n")
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run_benchmark(main: Callable[[], None]) -> None:
    """Run a benchmark to its end, to an error in one sentence, or to Ctrl-C."""
    end_on_interrupt("Interrupted.")
    with exit_on_error():
        main()
