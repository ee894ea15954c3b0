"""Keras is imported without the packages that it would use for what no stage does."""

import subprocess
import sys

SCRIPT = """
import gc, sys
from cracks.runtime.keras_import import import_keras

keras = import_keras()
assert keras.backend.backend() == "tensorflow"
assert not {"matplotlib", "pandas", "sklearn"} & sys.modules.keys()
assert gc.isenabled()
import matplotlib.figure, pandas, scipy.stats, sklearn.metrics  # and they can be imported later

assert import_keras() is keras
"""


def test_keras_imports_no_package_that_no_stage_uses_through_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
