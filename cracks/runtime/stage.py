"""The runner of a stage, which notes where and when it ran."""

import gc
import json
import platform
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from cracks.project.outputs import write_text
from cracks.project.paths import PROVENANCE

PACKAGES = (
    "dvc",
    "keras",
    "nncf",
    "numpy",
    "openvino",
    "pandas",
    "pillow",
    "scikit-learn",
    "tensorflow",
)


def package_versions() -> dict[str, str]:
    """The installed versions of the packages that results may depend on."""
    return {package: version(package) for package in PACKAGES}


def run(main: Callable[[], Mapping[str, object] | None]) -> None:
    """Run a stage's `main` and note time, host and versions in `data/provenance/<stage>.json`.

    What `main` returns is noted as well. That file is neither an output that DVC tracks nor a
    metric: results have the same hash on another day and another host.
    """
    gc.freeze()  # imported modules are never garbage; a stage that does not scan them ends sooner
    started = datetime.now(UTC)
    clock = time.monotonic()
    noted = main() or {}
    name = "-".join([Path(sys.argv[0]).stem.replace("_", "-"), *sys.argv[1:]])
    facts = {
        "stage": name,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - clock, 1),
        "host": platform.node(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "packages": package_versions(),
        **noted,
    }
    write_text(PROVENANCE / f"{name}.json", json.dumps(facts, indent=2) + "\n")
