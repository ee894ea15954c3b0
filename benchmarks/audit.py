"""Measure the audit of an archive: time, memory, findings, leakage of each split.

worked example:
  python -m benchmarks.audit               data/images.zip
  python -m benchmarks.audit photos.zip
"""

import os
import time
from pathlib import Path

from benchmarks.arguments import benchmark_parser, run_benchmark
from benchmarks.machine import peak_memory
from cracks.dataset.audit import audit_archive
from cracks.dataset.split import assign_parts, count_split
from cracks.evaluation.verdict import leaked_share
from cracks.project.params import load_params
from cracks.project.paths import ARCHIVE


def main() -> None:
    """Run the benchmark."""
    parser = benchmark_parser("audit", __doc__)
    parser.add_argument("archive", nargs="?", type=Path, default=ARCHIVE)
    params = load_params()
    before, started = peak_memory(), time.perf_counter()
    tolerant = params.audit.model_copy(update={"max_rejected": 1.0})
    audit = audit_archive(parser.parse_args().archive, params.positive_class, tolerant)
    seconds, grown = time.perf_counter() - started, peak_memory() - before
    files = len(audit.images) + len(audit.rejected)
    print(f"{files:,} files, {os.cpu_count()} cores\n")
    print("| what | measured |\n|---|--:|")
    print(f"| audit | {seconds:.1f} s |")
    print(f"| memory a file | {1024 * grown / files:.1f} kB |")
    for key, value in audit.counts.items():
        print(f"| {key.replace('_', ' ')} | {value:,} |")
    for strategy in ("grouped", "random"):
        split = params.split.model_copy(update={"strategy": strategy})
        counts = count_split(assign_parts(audit.images, split))
        all_of_them = leaked_share(counts)
        of_cracks = counts["test.leaked_positive"] / counts["test.positive"]
        print(f"| test images with a copy in train, {strategy} | {100 * all_of_them:.1f} % |")
        print(f"| of the cracks among them, {strategy} | {100 * of_cracks:.1f} % |")


if __name__ == "__main__":
    run_benchmark(main)
