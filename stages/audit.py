"""audit: list the usable images, reject the others with a reason, find copies."""

from cracks.dataset.audit import audit_archive
from cracks.project.outputs import write_counts, write_csv
from cracks.project.params import load_params
from cracks.project.paths import ARCHIVE, AUDIT_COUNTS, IMAGES, REJECTED


def main() -> None:
    """Write data/images.csv, data/rejected.csv and metrics/audit.csv."""
    params = load_params()
    audit = audit_archive(ARCHIVE, params.positive_class, params.audit)
    write_csv(IMAGES, audit.images)
    write_csv(REJECTED, audit.rejected)
    write_counts(AUDIT_COUNTS, audit.counts)
    counts = audit.counts
    print(
        f"{counts['images']:,} images in {counts['groups']:,} groups of copies; "
        f"{counts['images_with_a_copy']:,} have one; {counts['rejected']:,} files cannot be used, "
        f"{counts['conflicts']:,} images have two labels ({REJECTED})"
    )
