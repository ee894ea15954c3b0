"""Run the commit from nothing as other processors would, and compare every byte.

worked example:
  python -m benchmarks.same_bytes                        all environments, a few minutes each
  python -m benchmarks.same_bytes "without AVX-512"      one of them

The libraries choose their kernels by the processor; environment variables make them choose those of
others. Each run has a clone of its own and empty caches. A processor cannot pretend to have more
than it has: run it on several.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.arguments import benchmark_parser, run_benchmark
from cracks.project.errors import CracksError
from cracks.project.params import lookup
from cracks.project.temporary import temporary_folder

_FOUND = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
_NEWER = " ".join(name for name in _FOUND if "AVX512" in name or name == "X86_V4")
"""What NumPy uses here beyond AVX2, by its own names."""

ENVIRONMENTS: dict[str, dict[str, str]] = {
    "as it is": {},
    "without AVX-512": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "NPY_DISABLE_CPU_FEATURES": _NEWER,
    },
    "without AMX": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_FP16"},
    "AMD Zen": {"OPENBLAS_CORETYPE": "Zen"},
    "Intel SkylakeX": {"OPENBLAS_CORETYPE": "SkylakeX"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
"""Environment variables by what they stand for."""


def main() -> None:
    """Print a line for each environment; end with an error if a byte differs."""
    parser = benchmark_parser("same_bytes", __doc__)
    parser.add_argument("environments", nargs="*", metavar="NAME", help=", ".join(ENVIRONMENTS))
    names = parser.parse_args().environments or list(ENVIRONMENTS)
    differing = []
    for name in (bar := tqdm(names, unit="run")):
        bar.set_description(name)
        changed = changed_files(Path.cwd(), lookup(ENVIRONMENTS, "environment", name))
        bar.write(f"{name}: {', '.join(changed) or 'the same bytes'}", file=sys.stdout)
        differing += [name] if changed else []
    if differing:
        raise CracksError(f"Expected the same bytes everywhere, found others: {differing}.")


def changed_files(repository: Path, environment: dict[str, str]) -> list[str]:
    """What `dvc repro` of the commit changes in a clean clone, of all that Git tracks.

    dvc.lock is among it, and has the hashes of what Git does not track.
    """
    with temporary_folder() as folder:
        clone, caches = folder / "clone", folder / "caches"
        variables = os.environ | environment | {"CRACKS_CACHE": str(caches)}
        subprocess.run(["git", "clone", "--quiet", str(repository), str(clone)], check=True)
        repro = ["dvc", "repro", "--quiet"]
        done = subprocess.run(repro, cwd=clone, env=variables, capture_output=True, check=False)
        if done.returncode:
            said = done.stderr.decode(errors="replace")[-1000:]
            raise CracksError(f"Expected `dvc repro` to succeed, found: {said}")
        status = subprocess.check_output(["git", "status", "--porcelain"], cwd=clone, text=True)
        return [line[3:] for line in status.splitlines()]


if __name__ == "__main__":
    run_benchmark(main)
