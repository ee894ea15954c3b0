"""What the workflows install is what the review imports."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.project import ROOT

PIN = re.compile(r"^([\w.-]+==[^\s;\\]+)", re.MULTILINE)

RUN = """
import runpy, sys
from importlib.metadata import packages_distributions

installed = {name.lower().replace("_", "-").replace(".", "-") for name in sys.argv.pop(1).split()}
owners = {
    module: {name.lower().replace("_", "-").replace(".", "-") for name in names}
    for module, names in packages_distributions().items()
}

class Refused:
    def find_spec(self, name, path=None, target=None):
        of = owners.get(name.partition(".")[0])
        if of and not of & installed:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refused())
sys.argv = ["cracks", *sys.argv[1:]]
runpy.run_module("cracks", run_name="__main__")
"""


def pins(file: str) -> set[str]:
    return set(PIN.findall((ROOT / file).read_text()))


def review(*packages: str) -> "subprocess.CompletedProcess[str]":
    """Run it as if nothing but these packages were installed."""
    return subprocess.run(
        [sys.executable, "-c", RUN, " ".join(packages), "review", "HEAD"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_review_needs_no_other_package(results_project: Path) -> None:
    packages = [pin.partition("==")[0] for pin in pins("requirements-review.txt")]
    done = review(*packages)
    assert done.stdout.startswith("No change against HEAD"), done.stderr
    refused = review(*(name for name in packages if name != "scipy"))
    assert "found no scipy" in refused.stderr, "else this test would see nothing"


def test_the_pins_are_those_of_the_pipeline() -> None:
    found = pins("requirements-review.txt")
    assert found <= pins("requirements.txt")
    assert not [pin for pin in found if pin.startswith(("tensorflow", "openvino", "dvc"))]
