"""Where the pipeline's files are, relative to the project's folder."""

from pathlib import Path

PARAMS = Path("params.yaml")
PIPELINE = Path("dvc.yaml")
LOCK = Path("dvc.lock")
REQUIREMENTS = Path("requirements.txt")
REPORT = Path("report.html")
MISTAKES = Path("data/mistakes.jpg")

PHOTOS = Path("data/photos")
PRETRAINED = Path("data/pretrained")
ARCHIVE = Path("data/images.zip")
IMAGES = Path("data/images.csv")
DRAWINGS = Path("data/drawings.zip")
REJECTED = Path("data/rejected.csv")
SPLIT = Path("data/split.csv")
PROVENANCE = Path("data/provenance")

METRICS = Path("metrics")
AUDIT_COUNTS = METRICS / "audit.csv"
SPLIT_COUNTS = METRICS / "split.csv"
PARTS_OF_IMAGES = METRICS / "images.csv"
EVALUATION = METRICS / "evaluate.json"
DETAILS = METRICS / "details.csv"
PREDICTIONS = METRICS / "predictions.csv"
PLOTS = METRICS / "plots"


def unwatched(path: Path, folder: Path, stage: str) -> str:
    """What to say of a file that a parameter names, if DVC does not watch it; else nothing.

    Args:
        path: of the file; DVC follows links to files, not to folders.
        folder: the one that DVC watches.
        stage: what reads the file.
    """
    if path.parent.resolve().is_relative_to(folder.resolve()):
        return ""
    return (
        f"DVC does not notice when {path} is replaced: run `dvc repro --force {stage}` then, "
        f"or keep it in {folder}/, which DVC watches."
    )


def weights_path(backbone: str) -> Path:
    """The weights of a frozen backbone, a Keras file without top."""
    return Path(f"data/weights/{backbone}.weights.h5")


def features_path(backbone: str) -> Path:
    """The features of all images by one backbone."""
    return Path(f"data/features/{backbone}.npy")


def head_path(backbone: str) -> Path:
    """The trained head of a backbone."""
    return Path(f"models/{backbone}.keras")


def cell_head_path(backbone: str) -> Path:
    """The trained head of a backbone for the cells of a photograph."""
    return Path(f"data/cells/{backbone}.json")


def scores_path(backbone: str) -> Path:
    """The probabilities of all images by the heads of every seed."""
    return Path(f"data/scores/{backbone}.npy")


def history_path(backbone: str) -> Path:
    """Loss and accuracy of the kept head by epoch."""
    return Path(f"data/histories/{backbone}.csv")
