"""`python -m stages NAME [BACKBONE]`: run one stage of dvc.yaml.

It prepares for an early end before the stage's module is imported, which takes seconds. Where a
stage runs is decided here and is no dependency of its results.
"""

import sys
from importlib import import_module
from pathlib import Path

from cracks.project.errors import exit_on_error
from cracks.runtime.lifetime import end_on_interrupt, end_with_dvc, prepare_streams
from cracks.tools.cluster.address import cluster_address

if __name__ == "__main__":
    prepare_streams()
    end_on_interrupt("Interrupted; run `dvc repro` to go on.")
    end_with_dvc()
    names = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))
    name = sys.argv.pop(1) if len(sys.argv) > 1 else "nothing"
    if name not in names:
        sys.exit(f"Error: Expected one of {', '.join(names)}, found {name}.")
    sys.argv[0] = name  # of the program in messages, and of its provenance
    with exit_on_error():
        if cluster_address() and name == "precompute":
            from cracks.tools.cluster.features import use_cluster

            use_cluster()
        from cracks.runtime.stage import run

        run(import_module(f"stages.{name}").main)
