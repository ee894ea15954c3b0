"""A small project in Git whose results are made by hand, with a dvc.lock that fits them."""

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from cracks.dataset.split import count_split, parts_of_images
from cracks.evaluation.details import comparisons, detail_table, headline
from cracks.evaluation.predictions import Heads, prediction_table
from cracks.project.outputs import FINE_DIGITS, write_counts, write_csv, write_json
from cracks.project.paths import (
    AUDIT_COUNTS,
    DETAILS,
    EVALUATION,
    LOCK,
    PARAMS,
    PARTS_OF_IMAGES,
    PIPELINE,
    PREDICTIONS,
    SPLIT_COUNTS,
)
from cracks.tables.labels import CLASSES
from cracks.tools.review.snapshots import WorkingTree
from cracks.tools.review.staleness import dvc_md5
from tests.support.project import IDENTITY, ROOT

IMAGES = 200
CODE = Path("code/compute.py")
STAGES = """\
stages:
  download:
    cmd: python code/compute.py
    deps: [code, data/photos]
    params: [sample]
    outs: [data/images.zip]
  split:
    cmd: python code/compute.py split
    deps: [code, data/images.zip]
    params: [split]
    plots:
    - metrics/audit.csv: {cache: false}
    - metrics/split.csv: {cache: false}
    - metrics/images.csv: {cache: false}
  evaluate:
    cmd: python code/compute.py evaluate
    deps: [code, data/images.zip]
    params: [threshold]
    metrics: [metrics/evaluate.json: {cache: false}]
    plots: [metrics/details.csv: {cache: false}, metrics/predictions.csv: {cache: false}]
"""


def git(*arguments: str, at: Path | None = None) -> str:
    """Run git and return what it printed."""
    done = subprocess.run(["git", *arguments], cwd=at, capture_output=True, text=True, check=True)
    return done.stdout


def make_results_project() -> None:
    """Make the project in the current folder, its results committed on main, on a branch."""
    git("init", "--quiet", "--initial-branch", "main")
    git("config", "user.name", IDENTITY["GIT_AUTHOR_NAME"])
    git("config", "user.email", IDENTITY["GIT_AUTHOR_EMAIL"])
    for folder in ("code", "data/photos"):
        Path(folder).mkdir(parents=True)
    Path(".gitignore").write_text("/data/images.zip\n__pycache__/\n")
    Path("data/photos/README.md").write_text("Photographs")
    Path("data/images.zip").write_text("pixels")
    Path("requirements.txt").write_text("keras==3.15.1\nnumpy==2.4.0 ; python_version > '3'\n")
    CODE.write_text("def compute():\n    return 1\n")
    PARAMS.write_bytes((ROOT / "params.yaml").read_bytes())
    PIPELINE.write_text(STAGES)
    write_results()
    write_lock()
    commit("Results")
    git("checkout", "--quiet", "-b", "change")


def commit(message: str) -> None:
    """Commit all."""
    git("add", "--all")
    git("commit", "--quiet", "--message", message)


def write_results(
    missed: int = 2,
    *,
    rival: int | None = None,
    others: Sequence[int] = (1, 3),
    tested: int = IMAGES,
    name: str = "{label}/{number:04}.jpg",
    seed: int = 0,
    relabelled: int = 0,
    moved: int = 0,
    images: Mapping[str, bytes] | None = None,
) -> None:
    """Results of a backbone, VGG16, whose heads miss the first cracks.

    Args:
        missed: cracks that the kept head misses.
        rival: cracks that the heads of ResNet50 miss, the last ones; without it there is none.
        others: cracks that the heads of other seeds miss.
        tested: images of the test part, half of them cracked.
        name: how images are called.
        seed: of the images' bytes.
        relabelled: cracks of train that are called uncracked.
        moved: cracks of train that are in valid.
        images: the bytes of some images of the test part, by id.
    """
    labels = [CLASSES[1]] * (tested // 2) + [CLASSES[0]] * (tested // 2)
    split = pd.DataFrame(
        [
            (name.format(label=label, number=n), label, part)
            for part in ("test", "train", "valid")
            for n, label in enumerate(labels)
        ],
        columns=["id", "label", "part"],
    )
    number = split.groupby(["part", "label"]).cumcount().astype(str)
    content = f"{seed} " + split["part"] + split["label"] + number
    cracks_in_train = split.index[(split["part"] == "train") & (split["label"] == CLASSES[1])]
    split.loc[cracks_in_train[:relabelled], "label"] = CLASSES[0]
    split.loc[cracks_in_train[len(cracks_in_train) - moved :], "part"] = "valid"
    split["sha256"] = [hashlib.sha256(text.encode()).hexdigest() for text in content]
    for image, data in (images or {}).items():
        here = (split["id"] == image) & (split["part"] == "test")
        split.loc[here, "sha256"] = hashlib.sha256(data).hexdigest()
    split["group"] = split["id"] + split["part"]
    probability = np.where(split["label"] == CLASSES[1], 0.9, 0.1)
    scores = np.stack([probability] * (1 + len(others)), axis=1)
    for head, count in enumerate((missed, *others)):
        scores[:count, head] = 0.2
    heads = {"vgg16": Heads(split, scores)}
    if rival is not None:
        others_scores = np.stack([probability] * scores.shape[1], axis=1)
        others_scores[tested // 2 - rival : tested // 2] = 0.2
        heads = {"resnet50": Heads(split, others_scores), **heads}
    threshold = yaml.safe_load(PARAMS.read_text())["threshold"]
    details = detail_table(heads, threshold, 0.9)
    scored = {name: one.scored("test", threshold) for name, one in heads.items()}
    write_json(EVALUATION, headline(details) | comparisons(scored) | {"test.leaked_share": 0.0})
    write_csv(DETAILS, details)
    thresholds = dict.fromkeys(heads, threshold)
    write_csv(PREDICTIONS, prediction_table(heads, thresholds), FINE_DIGITS)
    write_csv(PARTS_OF_IMAGES, parts_of_images(split))
    write_counts(AUDIT_COUNTS, {"images": len(split), "rejected": 0})
    write_counts(SPLIT_COUNTS, count_split(split))


def write_lock() -> None:
    """Write the dvc.lock that `dvc repro` would leave."""
    params = yaml.safe_load(PARAMS.read_text())
    lock: dict[str, Any] = {}
    for name, stage in yaml.safe_load(PIPELINE.read_text())["stages"].items():
        results = [*stage.get("metrics", []), *stage.get("plots", [])]
        outs = [*stage.get("outs", []), *(path for entry in results for path in entry)]
        lock[name] = {
            "cmd": stage["cmd"],
            "deps": [_entry(path) for path in stage.get("deps", [])],
            "params": {PARAMS.name: {key: params[key] for key in stage.get("params", [])}},
            "outs": [_entry(path) for path in outs],
        }
    LOCK.write_text(yaml.safe_dump({"schema": "2.0", "stages": lock}, sort_keys=False))


def _entry(path: str) -> dict[str, str]:
    return {"path": path, "hash": "md5", "md5": dvc_md5(WorkingTree(), Path(path))}
