"""What a measurement was made on, and the memory that it took."""

import os
import platform
import re
import resource
from pathlib import Path

_EXTENSIONS = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_vnni": "VNNI",
    "avx_vnni": "AVX-VNNI",
    "avx512_bf16": "bfloat16",
    "amx_int8": "AMX",
}
"""What decides how fast a backbone is computed, by the name that Linux gives it."""


def machine() -> str:
    """The processor, those of its extensions that matter, the cores that this process may use."""
    try:
        facts = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        facts = ""
    model = re.search(r"^model name\s*: (.+)$", facts, re.MULTILINE)
    flags = re.search(r"^flags\s*: (.+)$", facts, re.MULTILINE)
    known = flags[1].split() if flags else []
    extensions = [said for flag, said in _EXTENSIONS.items() if flag in known]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return ", ".join([model[1] if model else platform.machine(), *extensions, f"{cores} cores"])


def peak_memory() -> float:
    """Peak memory of this process in megabytes.

    `getrusage` would include the peak of the parent process; /proc does not.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
