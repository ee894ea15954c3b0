"""download: the images of the chosen source, packed into one archive."""

from cracks.images.archive import write_archive
from cracks.project.params import load_params, lookup
from cracks.project.paths import ARCHIVE
from cracks.sources.registry import SOURCES


def main() -> None:
    """Write data/images.zip."""
    params = load_params()
    count = write_archive(ARCHIVE, lookup(SOURCES, "dataset", params.dataset)(params))
    megabytes = ARCHIVE.stat().st_size / 1e6
    print(f"{ARCHIVE}: {count:,} files, {megabytes:,.1f} MB (dataset: {params.dataset}).")
