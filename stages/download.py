"""Pack the images of the chosen source into one archive."""

from cracks.archive import ARCHIVE, write_archive
from cracks.params import Params, load_params
from cracks.sources import PHOTOS, Members, concrete, photos, sample
from cracks.stage import run


def main() -> None:
    """Write data/images.zip."""
    params = load_params()
    count = write_archive(ARCHIVE, _members(params))
    megabytes = ARCHIVE.stat().st_size / 1e6
    print(f"{ARCHIVE}: {count:,} files, {megabytes:,.1f} MB (dataset: {params.dataset}).")


def _members(params: Params) -> Members:
    if params.dataset == "sample":
        return sample(params.sample, params.positive_class)
    if params.dataset == "concrete":
        return concrete(params.concrete, params.positive_class)
    return photos(PHOTOS, params.photos, params.positive_class)


if __name__ == "__main__":
    run(main)
