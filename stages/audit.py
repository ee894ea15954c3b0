"""audit: what is in the archive, what cannot be used, and what is a copy of what."""

from pathlib import Path

from cracks.archive import ARCHIVE
from cracks.audit import audit_archive
from cracks.files import write_csv, write_json
from cracks.params import load_params
from cracks.stage import run


def main() -> None:
    """Write data/images.csv, metrics/audit.json and metrics/audit-rejected.csv."""
    params = load_params()
    audit = audit_archive(ARCHIVE, params.positive_class, params.audit.max_rejected)
    write_csv(Path("data/images.csv"), audit.images)
    write_csv(Path("metrics/audit-rejected.csv"), audit.rejected)
    write_json(Path("metrics/audit.json"), audit.counts)
    counts = audit.counts
    print(
        f"{counts['images']:,} images in {counts['groups']:,} groups of copies; "
        f"{counts['images_with_a_copy']:,} have one; {counts['rejected']:,} files cannot be used, "
        f"{counts['conflicts']:,} images have two labels (metrics/audit-rejected.csv)"
    )


if __name__ == "__main__":
    run(main)
