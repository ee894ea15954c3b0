"""`review`: how a change affected the classifiers."""

import sys
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path

from cracks.project.errors import CracksError
from cracks.project.params import load_params
from cracks.project.paths import ARCHIVE, REQUIREMENTS
from cracks.tools.commands.destinations import check_destinations
from cracks.tools.review.as_json import as_json
from cracks.tools.review.conditions import Condition
from cracks.tools.review.markdown import as_markdown
from cracks.tools.review.review import Review, make_review
from cracks.tools.review.snapshots import resolve


class Exit(IntEnum):
    """Exit codes, beside 1 for an error and 2 for a mistake on the command line."""

    GOOD = 0
    CONDITION = 3  # one of --fail-if is true, or one of --require is not
    NOT_COMPARABLE = 4  # --fail-if cannot be judged
    STALE = 5
    MISMATCH = 6  # the metrics are not those of the predictions


def run(
    base: str,
    fail_if: Sequence[Condition],
    require: Sequence[Condition],
    sheet: Path | None = None,
    *,
    json: bool,
) -> int:
    """Print the review of the working tree against `base`.

    Args:
        base: a branch, tag or commit.
        fail_if: conditions that must not be true.
        require: conditions that must be.
        sheet: a PNG file for pictures of the images that changed their class.
        json: print JSON in place of Markdown.

    Returns:
        The exit code, an `Exit`.

    Raises:
        CracksError: if there is no such commit, no results, a parameter or a condition is invalid,
            a file has the conflict markers of a merge, or there are no pictures for a sheet.
    """
    name, commit = resolve(base)
    params = load_params()  # raises if they are invalid
    if sheet:
        _check_pictures()
        check_destinations([sheet])
    review = make_review(name, commit, fail_if, require)
    print(as_json(review) if json else as_markdown(review))
    if sheet:
        from cracks.tools.review.flip_sheet import write_flip_sheet

        print(write_flip_sheet(review, sheet, params), file=sys.stderr)
    return _exit_code(review)


def _check_pictures() -> None:
    """Check, before the work begins, that there is something to make a sheet of.

    Raises:
        CracksError: if there are no images, or no packages to draw with.
    """
    if not ARCHIVE.is_file():
        raise CracksError(
            f"Expected {ARCHIVE} for --sheet, found none; run `dvc pull` or `dvc repro`."
        )
    try:
        import cracks.report.contact_sheet  # noqa: F401
    except ModuleNotFoundError as error:
        raise CracksError(
            f"Expected the packages of {REQUIREMENTS} for --sheet, found no {error.name}; "
            "the review itself needs those of requirements-review.txt alone."
        ) from None


def _exit_code(review: Review) -> Exit:
    """The most serious finding, which has the highest code."""
    if review.mismatches:
        return Exit.MISMATCH
    if review.stale:
        return Exit.STALE
    if review.unjudged:
        return Exit.NOT_COMPARABLE
    return Exit.CONDITION if review.failed else Exit.GOOD
