"""`export`: one classifier as a self-contained model."""

from pathlib import Path

from cracks.project.params import load_params
from cracks.tools.commands.destinations import check_destinations
from cracks.tools.export.formats import export_classifier


def run(backbone: str, form: str, file: Path) -> int:
    """Write the model and print how well it agrees with the pipeline."""
    check_destinations([file, *([file.with_suffix(".bin")] if form == "openvino" else [])])
    print(export_classifier(backbone, form, load_params(), file))
    return 0
