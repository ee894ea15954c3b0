"""Train on more and more drawn images, test on photographs; print a Markdown table.

worked example:
  python -m benchmarks.learning_curve ozgenel.zip sdnet2018-walls.zip
  python -m benchmarks.learning_curve walls/ --numbers 400 800 --positive-class cracked

Needs the weights of `dvc repro`. Each number is that of the images of each class; three fifths of
them are trained on, by `split` in params.yaml. The smaller sets are parts of the larger ones, and
features come from the cache, so the largest set is what takes time: two cores with AVX-512 VNNI
draw 60 images a second, and pass 190 through ResNet50 and 60 through VGG16.
"""

from collections.abc import Sequence

import pandas as pd

from benchmarks.arguments import benchmark_parser
from cracks.backbones.catalogue import BACKBONES, title
from cracks.project.errors import exit_on_error
from cracks.project.params import SAMPLE, Params, load_params
from cracks.runtime.lifetime import end_on_interrupt
from cracks.tables.labels import CLASSES
from cracks.tools.transfer.carry_over import Options, carry_over
from cracks.tools.transfer.elsewhere import source_name

NUMBERS = (100, 200, 400, 800, 1600)


def main() -> None:
    """Print one table a backbone."""
    parser = benchmark_parser("learning_curve", __doc__)
    parser.add_argument("photographs", nargs="*", help="zip archives or folders to test on")
    parser.add_argument("--numbers", nargs="+", type=int, default=NUMBERS, metavar="N")
    parser.add_argument("--positive-class", default=CLASSES[1], help="of the photographs")
    arguments = parser.parse_args()
    names = [SAMPLE, *arguments.photographs]
    options = Options(arguments.positive_class)
    tables = [
        carry_over(names, list(BACKBONES), _of_size(load_params(), number), options).assign(
            number=number
        )
        for number in arguments.numbers
    ]
    results = pd.concat(tables)
    for backbone in BACKBONES:
        print(f"\n{title(backbone)}:\n")
        _print_table(results[results["backbone"] == backbone], [source_name(x) for x in names])


def _of_size(params: Params, number: int) -> Params:
    sample = params.sample.model_copy(update={"images_per_class": number})
    return params.model_copy(update={"sample": sample})


def _print_table(results: pd.DataFrame, names: Sequence[str]) -> None:
    """Accuracy with its interval, recall and ROC AUC of heads trained on drawings."""
    print(f"| images of each class | {' | '.join(names)} |")
    print(f"|--:|{'---|' * len(names)}")
    drawn = results[results["trained_on"] == SAMPLE].set_index(["number", "tested_on"])
    for number in results["number"].unique():
        cells = (_cell(drawn.loc[number, name]) for name in names)
        print(f"| {number:,} | {' | '.join(cells)} |")


def _cell(row: "pd.Series[float]") -> str:
    accuracy = f"{row.accuracy:.1%} [{row.accuracy_low:.1%}, {row.accuracy_high:.1%}]"
    return f"{accuracy}, recall {row.recall:.1%}, AUC {row.roc_auc:.3f}"


if __name__ == "__main__":
    end_on_interrupt("Interrupted.")
    with exit_on_error():
        main()
