"""Run a benchmark and keep the tables that it prints as data of the documentation.

worked example:
  python -m benchmarks.record speed bench --rounds 3

runs `python -m benchmarks.bench --rounds 3` and writes docs/measurements/data/speed.json, with the
commit, the processor, the date and the versions; `python -m benchmarks.render` renders the pages.
"""

import argparse
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.arguments import benchmark_parser, run_benchmark
from benchmarks.machine import machine
from benchmarks.tables import DATA, Measurement, parse, write
from cracks.project.errors import CracksError
from cracks.runtime.stage import package_versions
from cracks.tools.review.snapshots import run_git


def main() -> None:
    """Record the benchmark that the command line names."""
    parser = benchmark_parser("record", __doc__)
    parser.add_argument("name", help="of the file below docs/measurements/data/")
    parser.add_argument("benchmark", help="a module of this folder")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    record(arguments.name, arguments.benchmark, arguments.arguments)


def record(name: str, benchmark: str, arguments: list[str]) -> None:
    """Run a benchmark, show what it prints, and keep the tables.

    Raises:
        CracksError: if it fails or prints no table; then nothing is written.
    """
    words = [*module_of(benchmark), *arguments]
    command = " ".join(["python", *map(_shown, words)])
    lines, commit = [], commit_of_code()
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    tables = parse(lines)
    if process.returncode or not tables:
        raise CracksError(f"Expected tables of `{command}`, found none; see above.")
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    found = Measurement(command, commit, today, machine(), package_versions(), tables)
    write(found, DATA / f"{name}.json")
    print(f"{DATA / name}.json is written; `make docs-tables` renders it.", file=sys.stderr)


def _shown(word: str) -> str:
    """An argument, of a file outside this project its name alone."""
    path = Path(word)
    outside = path.is_file() and not path.resolve().is_relative_to(Path.cwd())
    return path.name if outside else word


def module_of(benchmark: str) -> list[str]:
    """Python's arguments that run a benchmark."""
    return ["-m", f"benchmarks.{benchmark}"]


def commit_of_code() -> str:
    """The commit; it ends in -dirty if anything but documentation has changed since."""
    commit = run_git("rev-parse", "--short", "HEAD").stdout.decode().strip() or "unknown"
    code = run_git("status", "--porcelain", "--", ".", ":(exclude)docs", ":(exclude)*.md")
    return f"{commit}-dirty" if code.stdout else commit


if __name__ == "__main__":
    run_benchmark(main)
