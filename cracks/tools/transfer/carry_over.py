"""How well heads that were trained on one source of images work on others."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from cracks.dataset.audit import audit_archive
from cracks.dataset.photographs import DRAWN, photographs_of
from cracks.dataset.split import PHOTOGRAPH, assign_parts
from cracks.evaluation.metrics import Scored, choose_threshold, evaluate_part
from cracks.features.computation import Extraction
from cracks.features.extraction import extract_features
from cracks.heads.head import LinearHead
from cracks.heads.scratch import on_disk
from cracks.heads.statistics import Statistics, statistics_of
from cracks.heads.training import Examples, Recipe, SplitFeatures, train_heads
from cracks.images.archive import write_archive
from cracks.project.errors import CracksError
from cracks.project.params import SAMPLE, Params
from cracks.project.temporary import temporary_folder
from cracks.runtime.progress import progress
from cracks.sources.class_folders import Members
from cracks.sources.sample import iter_sample
from cracks.tables.labels import POSITIVE, TEST, TRAIN, VALID
from cracks.tables.row_file import FEATURES, open_rows
from cracks.tools.transfer.elsewhere import labelled_images, source_name
from cracks.tools.transfer.standardisation import LEAST_IMAGES, standardised

TOGETHER = "all together"
"""The name for the train parts of all sources."""

COLUMNS = [
    *("backbone", "trained_on", "tested_on", "standardised", "images", "left_out", "threshold"),
    *("roc_auc", "accuracy", "accuracy_low", "accuracy_high"),
    *("recall", "recall_low", "recall_high"),
]


class Options(NamedTuple):
    """Options of the command."""

    positive_class: str
    limit: int | None = None  # images of each class of a source
    standardise: bool = False  # each head once more, on standardised features


class Source(NamedTuple):
    """The audited images of a source in an archive, each in a part of the split."""

    name: str
    archive: Path
    split: pd.DataFrame  # as `assign_parts` returns it


class Domain(NamedTuple):
    """The images of a source by their features."""

    name: str
    train: Examples
    valid: Examples
    features: NDArray[np.float32]  # of all images, [n, channels]
    split: pd.DataFrame  # n rows


class SourceHead(NamedTuple):
    """A head that was trained on some sources, and what is needed to test it."""

    head: LinearHead
    statistics: Statistics  # of the features that it was trained on
    threshold: float


def carry_over(
    names: Sequence[str], backbones: Sequence[str], params: Params, options: Options
) -> pd.DataFrame:
    """Train on each source and on all of them together; test on every source.

    Args:
        names: `sample`, which is drawn, zip archives and folders with two class folders.
        backbones: whose weights are in data/weights.
        params: of the pipeline: how sources are audited and split and how heads are trained.
        options: of the command.

    Returns:
        A row with `COLUMNS` for each backbone, training and test.

    Raises:
        CracksError: if a source cannot be used, two have one name, or one has too few images to
            standardise by.
    """
    _check_names(names)
    with temporary_folder() as folder:
        sources = [audit_source(name, params, options, folder) for name in names]
        tables = []
        for backbone in backbones:
            domains = [extract_domain(source, backbone, params) for source in sources]
            rows = compare(domains, params, standardise=options.standardise)
            tables.append(pd.DataFrame(rows).assign(backbone=backbone))
    return pd.concat(tables, ignore_index=True)[COLUMNS]


def _check_names(names: Sequence[str]) -> None:
    short = [source_name(name) for name in names]
    for number, name in enumerate(short):
        if name in [*short[:number], TOGETHER]:
            raise CracksError(
                f"Expected sources of different names, found a second one called {name!r}; "
                "rename one."
            )
    for name in names:
        if name != SAMPLE and not Path(name).exists():
            raise CracksError(
                f"Expected {SAMPLE}, a zip archive or a folder of images, found nothing at {name}; "
                "check the path."
            )


def audit_source(name: str, params: Params, options: Options, folder: Path) -> Source:
    """Pack, audit and split a source, as the stages of the pipeline do.

    Raises:
        CracksError: if it cannot be used, or has too few images to standardise by.
    """
    archive = folder / f"{source_name(name)}.zip"
    write_archive(archive, _members(name, params, options))
    positive_class = POSITIVE if name == SAMPLE else options.positive_class
    images = audit_archive(archive, positive_class, params.audit, name).images
    if name == SAMPLE:
        images[PHOTOGRAPH] = photographs_of(images["id"], DRAWN)
    if options.standardise and len(images) < LEAST_IMAGES:
        raise CracksError(
            f"Expected at least {LEAST_IMAGES} images in {name} to standardise features by, found "
            f"{len(images):,}; add images, raise --limit, or leave out --standardise."
        )
    try:
        return Source(source_name(name), archive, assign_parts(images, params.split))
    except CracksError as error:
        raise CracksError(f"{name}: {error}") from None


def _members(name: str, params: Params, options: Options) -> Members:
    if name == SAMPLE:
        all_of_them = params.sample.images_per_class
        return iter_sample(min(all_of_them, options.limit or all_of_them), params.sample.seed)
    return labelled_images(Path(name), options.positive_class, options.limit, params.photos.seed)


def extract_domain(source: Source, backbone: str, params: Params) -> Domain:
    """Extract the features of a source, through the feature cache."""
    extraction = Extraction.by_params(backbone, params)
    path = source.archive.with_name(f"{source.name}-{backbone}.npy")
    extract_features(extraction, source.archive, source.split, path)
    features = SplitFeatures(path, source.split)
    train, valid = features.examples(TRAIN), features.examples(VALID)
    # the rows are in the order of the split, which extraction was given
    own = np.array(open_rows(path, FEATURES)[1][:, 0])
    path.unlink()
    return Domain(source.name, train, valid, own, source.split)


def compare(
    domains: Sequence[Domain], params: Params, *, standardise: bool
) -> Iterator[dict[str, object]]:
    """A row with `COLUMNS`, without the backbone, for each training and test.

    A head is tested on the test part of what it was trained on, and on all images of others, but
    not on images with the same bytes as one that it was trained on. With `standardise` there is a
    second row, by features that are standardised by the statistics of all images of the tested
    source.
    """
    choices = {domain.name: [domain] for domain in domains}
    if len(domains) > 1:
        choices[TOGETHER] = list(domains)
    for name, chosen in progress(choices.items(), desc="heads", unit="head"):
        trained = train_head(chosen, params)
        for domain in domains:
            tested, left_out = choose_tested(domain, chosen)
            heads = {False: trained} | ({True: _adapted(trained, domain)} if standardise else {})
            for adapted, head in heads.items():
                row = {"trained_on": name, "tested_on": domain.name, "left_out": left_out}
                found = _evaluated(score(head, domain, tested), f"{name} → {domain.name}")
                yield row | found | {"standardised": adapted}


def _evaluated(scored: Scored, what: str) -> dict[str, float]:
    try:
        return evaluate_part(scored)
    except CracksError as error:
        raise CracksError(f"{what}: {error}") from None


def train_head(chosen: Sequence[Domain], params: Params) -> SourceHead:
    """Train one head on the train parts, with the seed and the threshold of `params`."""
    recipe = Recipe.by_params(params)
    train = _joined([domain.train for domain in chosen])
    features, labels = _joined([domain.valid for domain in chosen])
    (trained,), _ = train_heads(recipe, [params.seed], train, (features, labels))
    head = trained.linear()
    scores = _scores(head, features)
    threshold = choose_threshold(params.threshold, params.target_recall, labels, scores)
    return SourceHead(head, statistics_of(train[0]), threshold)


def _joined(examples: Sequence[Examples]) -> Examples:
    features, labels = zip(*examples, strict=True)
    return on_disk(features), np.concatenate(labels)


def choose_tested(domain: Domain, chosen: Sequence[Domain]) -> tuple[NDArray[np.bool_], int]:
    """The images that a head trained on `chosen` is tested on, and the number of those left out.

    Returns:
        Whether each image is tested on, `[n]`; and how many are not because a head that was
        trained on `chosen` has seen the same bytes.
    """
    splits = pd.concat([one.split for one in chosen])
    seen = domain.split["sha256"].isin(splits.loc[splits["part"] != TEST, "sha256"]).to_numpy()
    is_other = all(one is not domain for one in chosen)
    wanted = (domain.split["part"] == TEST).to_numpy() | is_other
    return wanted & ~seen, int((wanted & seen).sum())


def _adapted(trained: SourceHead, domain: Domain) -> SourceHead:
    """The same head for features that are standardised by the statistics of the domain."""
    return trained._replace(head=standardised(trained.head, trained.statistics, domain.features))


def score(trained: SourceHead, domain: Domain, tested: NDArray[np.bool_]) -> Scored:
    """The probabilities of the tested images `[n]` of a source."""
    probability = _scores(trained.head, domain.features[tested])
    return Scored.of_images(domain.split[tested], probability, trained.threshold)


def _scores(head: LinearHead, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """P(crack) of each row; the order of summation would depend on the number of threads."""
    with threadpool_limits(1, "blas"):
        return head.probability(features)
