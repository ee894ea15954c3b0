"""Measure the audit of an archive: time, memory, findings, leakage of each split.

worked example:
  python -m benchmarks.audit                              data/images.zip
  python -m benchmarks.audit photos.zip --overlaps sheet.png
"""

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.arguments import benchmark_parser
from benchmarks.bench import peak_memory
from benchmarks.overlaps import best_matches, write_sheet
from cracks.dataset.audit import audit_archive
from cracks.dataset.split import assign_parts, count_split
from cracks.evaluation.verdict import leaked_share
from cracks.images.archive import member_names, open_archive, read_member
from cracks.images.decoding import decode
from cracks.project.errors import CracksError, exit_on_error
from cracks.project.params import load_params
from cracks.project.paths import ARCHIVE
from cracks.runtime.lifetime import end_on_interrupt
from cracks.tables.labels import POSITIVE

_CHUNK = 32
_SHEET = 40  # images whose overlaps are looked for


def main() -> None:
    """Run the benchmark."""
    arguments = _parser().parse_args()
    params = load_params()
    with open_archive(arguments.archive) as archive:
        names = member_names(archive)
    decoding = min(_seconds_to_decode(arguments.archive, names) for _ in range(2))
    before = peak_memory()
    started = time.perf_counter()
    tolerant = params.audit.model_copy(update={"max_rejected": 1.0})
    audit = audit_archive(arguments.archive, params.positive_class, tolerant)
    seconds = time.perf_counter() - started
    grown = (peak_memory() - before) * 1024 / len(names)
    print(f"{len(names):,} files, {os.cpu_count()} cores\n")
    print("| what | measured |\n|---|--:|")
    print(f"| decoding alone | {decoding:.1f} s |")
    print(f"| audit | {seconds:.1f} s, {seconds / decoding:.2f} times as long |")
    print(f"| memory a file | {grown:.1f} kB |")
    for key, value in audit.counts.items():
        print(f"| {key.replace('_', ' ')} | {value:,} |")
    for strategy in ("grouped", "random"):
        split = params.split.model_copy(update={"strategy": strategy})
        counts = count_split(assign_parts(audit.images, split))
        shares = [
            100 * leaked_share(counts),
            100 * counts["test.leaked_positive"] / counts["test.positive"],
        ]
        print(f"| test images with a copy in train, {strategy} | {shares[0]:.1f} % |")
        print(f"| of the cracks among them, {strategy} | {shares[1]:.1f} % |")
    if arguments.overlaps:
        cracked = audit.images[audit.images["label"] == POSITIVE].reset_index(drop=True)
        if len(cracked) < _SHEET:
            raise CracksError(f"Expected at least {_SHEET} cracked images, found {len(cracked)}.")
        write_sheet(
            arguments.archive,
            best_matches(arguments.archive, cracked, _SHEET, seed=0),
            arguments.overlaps,
        )
        print(
            f"\n{arguments.overlaps}: {_SHEET} images and their best matches, to be judged by eye"
        )


def _seconds_to_decode(path: Path, names: list[str]) -> float:
    chunks = [names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK)]
    started = time.perf_counter()
    with ProcessPoolExecutor() as pool:
        decoded = sum(pool.map(_decode_some, [path] * len(chunks), chunks))
    seconds = time.perf_counter() - started
    if not decoded:
        raise CracksError(f"Expected images in {path}, found none that can be decoded.")
    return seconds


def _decode_some(path: Path, names: list[str]) -> int:
    decoded = 0
    with open_archive(path) as archive:
        for name in names:
            try:
                decode(read_member(archive, name))
            except CracksError:
                continue
            decoded += 1
    return decoded


def _parser() -> argparse.ArgumentParser:
    parser = benchmark_parser("audit", __doc__)
    parser.add_argument("archive", nargs="?", type=Path, default=ARCHIVE)
    parser.add_argument("--overlaps", type=Path, metavar="PNG", help="write a sheet of matches")
    return parser


if __name__ == "__main__":
    end_on_interrupt("Interrupted.")
    with exit_on_error():
        main()
