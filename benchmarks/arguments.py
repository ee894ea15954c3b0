"""The command lines of the benchmarks."""

import argparse


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
