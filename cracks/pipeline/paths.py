"""Where the pipeline's files are, relative to the project's folder."""

from pathlib import Path

PARAMS = Path("params.yaml")
PIPELINE = Path("dvc.yaml")
LOCK = Path("dvc.lock")
REQUIREMENTS = Path("requirements.txt")
REPORT = Path("report.html")

PHOTOS = Path("data/photos")
ARCHIVE = Path("data/images.zip")
IMAGES = Path("data/images.csv")
SPLIT = Path("data/split.csv")
PROVENANCE = Path("data/provenance")

METRICS = Path("metrics")
AUDIT_METRICS = METRICS / "audit.json"
REJECTED = METRICS / "audit-rejected.csv"
SPLIT_METRICS = METRICS / "split.json"
EVALUATION = METRICS / "evaluate.json"
DETAILS = METRICS / "details.csv"
PREDICTIONS = METRICS / "predictions.csv"
PLOTS = METRICS / "plots"


def weights_path(backbone: str) -> Path:
    """The weights of a frozen backbone, a Keras file without top."""
    return Path(f"data/weights/{backbone}.weights.h5")


def features_path(backbone: str) -> Path:
    """The features of all images by one backbone."""
    return Path(f"data/features/{backbone}.npy")


def head_path(backbone: str) -> Path:
    """The trained head of a backbone."""
    return Path(f"models/{backbone}.keras")


def scores_path(backbone: str) -> Path:
    """The probabilities of all images by the heads of every seed."""
    return Path(f"data/scores/{backbone}.npy")


def history_path(backbone: str) -> Path:
    """Loss and accuracy of the kept head by epoch."""
    return Path(f"data/histories/{backbone}.csv")
