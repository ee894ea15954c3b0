"""What a measurement was made on and with, and the memory that it took."""

import os
import platform
import re
import resource
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("openvino", "nncf", "onnxruntime", "tensorflow", "keras", "torch", "ray")

_EXTENSIONS = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_vnni": "VNNI",
    "avx_vnni": "AVX-VNNI",
    "avx512_bf16": "bfloat16",
    "amx_int8": "AMX",
}
"""What decides how fast a backbone is computed, by the name that Linux gives it."""


def packages() -> dict[str, str]:
    """The versions of those that are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """The processor, its extensions and the number of cores that this process may use."""
    model, extensions = processor()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return ", ".join([model, *extensions, f"{cores} cores"])


def processor() -> tuple[str, list[str]]:
    """The name of the processor and those of its extensions that matter."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine(), []
    model = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    flags = re.search(r"^flags\s*: (.+)$", text, re.MULTILINE)
    known = flags[1].split() if flags else []
    name = model[1] if model else platform.machine()
    return name, [said for flag, said in _EXTENSIONS.items() if flag in known]


def peak_memory() -> float:
    """Peak memory of this process in megabytes.

    `getrusage` would include the peak of the parent process; /proc does not.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
