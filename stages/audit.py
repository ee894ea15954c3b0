"""audit: list the usable images, reject the others with a reason, find copies."""

from cracks.dataset.audit import audit_archive
from cracks.pipeline.outputs import write_csv, write_json
from cracks.pipeline.params import load_params
from cracks.pipeline.paths import ARCHIVE, AUDIT_METRICS, IMAGES, REJECTED
from cracks.pipeline.stage import run


def main() -> None:
    """Write data/images.csv, metrics/audit.json and metrics/audit-rejected.csv."""
    params = load_params()
    audit = audit_archive(ARCHIVE, params.positive_class, params.audit)
    write_csv(IMAGES, audit.images)
    write_csv(REJECTED, audit.rejected)
    write_json(AUDIT_METRICS, audit.counts)
    counts = audit.counts
    print(
        f"{counts['images']:,} images in {counts['groups']:,} groups of copies; "
        f"{counts['images_with_a_copy']:,} have one; {counts['rejected']:,} files cannot be used, "
        f"{counts['conflicts']:,} images have two labels ({REJECTED})"
    )


if __name__ == "__main__":
    run(main)
