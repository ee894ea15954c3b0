"""`python -m pretraining NAME [BACKBONE]`: a stage of pretraining/dvc.yaml, or what follows it.

- `draw`: draw the walls into the cache folder.
- `train BACKBONE`: train it, or go on training it, and pack its weights into pretraining/weights.
- `measure`: compare what the backbones see with what they began from.
- `ranges BACKBONE`: measure the ranges of its activations in int8 and keep them beside the engine.
  Run it when the weights changed. It is no stage, because the pipeline depends on that folder.
"""

import argparse

from cracks.project.errors import exit_on_error
from cracks.runtime.lifetime import end_on_interrupt, end_with_dvc


def main() -> None:
    """Run one of them."""
    from pretraining.drawings import draw_walls
    from pretraining.settings import read_settings

    parser = argparse.ArgumentParser(
        prog="python -m pretraining",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    settings = read_settings()
    parser.add_argument("stage", choices=["draw", "train", "ranges", "measure"])
    parser.add_argument("backbone", nargs="?", choices=sorted(settings.backbones))
    arguments = parser.parse_args()
    if (arguments.stage in {"train", "ranges"}) != (arguments.backbone is not None):
        parser.error("`train` and `ranges` need a backbone, the others take none")
    if arguments.stage == "draw":
        files = draw_walls(settings.walls, settings.seed)
        print(f"{len(files)} files of walls in {files[0].parent}")
    elif arguments.stage == "train":
        from pretraining.pack import pack
        from pretraining.train import train

        training = train(arguments.backbone, settings, draw_walls(settings.walls, settings.seed))
        path = pack(arguments.backbone, training)
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB; its sha256 belongs into the catalogue")
    elif arguments.stage == "ranges":
        from pretraining.ranges import measure_ranges

        print(measure_ranges(arguments.backbone))
    else:
        from pretraining.measure import measure

        measure(settings)


if __name__ == "__main__":
    end_on_interrupt("Interrupted; run `dvc repro pretraining/dvc.yaml` to go on.")
    end_with_dvc()
    with exit_on_error():
        main()
