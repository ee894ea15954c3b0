"""`export`: one classifier as a self-contained model."""

from pathlib import Path

from cracks.export.formats import export_classifier
from cracks.pipeline.params import load_params


def run(backbone: str, form: str, file: Path) -> int:
    """Write the model and print how well it agrees with the pipeline."""
    print(export_classifier(backbone, form, load_params(), file))
    return 0
