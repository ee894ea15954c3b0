"""What a measurement was made on, and the memory that it took."""

import os
import platform
import re
import resource
import sys
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
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    facts = dict(re.findall(r"^(model name|flags)\s*: (.+)$", text, re.MULTILINE))
    flags = facts.get("flags", "").split()
    extensions = [said for flag, said in _EXTENSIONS.items() if flag in flags]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return ", ".join([facts.get("model name", platform.machine()), *extensions, f"{cores} cores"])


def peak_memory() -> float:
    """Peak memory of this process in megabytes.

    `getrusage` would include the peak of the parent process; /proc does not.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**20 if sys.platform == "darwin" else 2**10)  # bytes, or kilobytes
    return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
