"""Charts for the report as SVG images; the same numbers give the same bytes."""

import base64
import io
from collections.abc import Callable, Sequence

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cracks.backbones.catalogue import title
from cracks.evaluation.verdict import Values

COLOURS = ("#d1660f", "#2c7fb8", "#5a9a3a", "#9467bd")
"""Line colours of the backbones, in their order."""

_INK = "#1c2128"  # the text colour of the page
_STYLE = {
    "font.size": 10,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.color": _INK,
    "grid.alpha": 0.15,
    "axes.grid": True,
    "legend.frameon": False,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "lines.linewidth": 1.8,
}


def intervals(metrics: Values, backbones: Sequence[str]) -> str:
    """Recall and accuracy on test with their 95 % intervals."""

    def draw(axes: Axes) -> None:
        rows = [(b, name) for name in ("accuracy", "recall") for b in reversed(backbones)]
        for place, (backbone, name) in enumerate(rows):
            names = (name, f"{name}_low", f"{name}_high")
            value, low, high = (100 * metrics[f"{backbone}.{key}"] for key in names)
            colour = COLOURS[backbones.index(backbone) % len(COLOURS)]
            axes.plot([low, high], [place, place], color=colour, linewidth=3, alpha=0.6)
            axes.plot(value, place, "o", color=colour, markersize=7)
        axes.set_yticks(range(len(rows)), [f"{title(b)}, {name}" for b, name in rows])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xlabel("% of test images, with 95 % interval")

    return _picture("intervals", draw, (6.4, 0.5 * 2 * len(backbones) + 0.7))


def curve(name: str, table: pd.DataFrame, x: tuple[str, str], y: tuple[str, str]) -> str:
    """One line for each backbone.

    Args:
        name: of the chart, for its identifiers.
        table: with the columns `backbone` and those of `x` and `y`.
        x: column and label of the horizontal axis, whose values are from 0 to 1.
        y: the same of the vertical axis.
    """

    def draw(axes: Axes) -> None:
        marker = "o" if name == "calibration" else None
        if name in ("roc", "calibration"):
            axes.plot([0, 1], [0, 1], color=_INK, alpha=0.4, linewidth=1, linestyle=":")
        for number, (backbone, points) in enumerate(table.groupby("backbone", sort=False)):
            axes.plot(
                points[x[0]],
                points[y[0]],
                color=COLOURS[number % len(COLOURS)],
                linestyle=("-", "--")[number % 2],
                marker=marker,
                label=title(str(backbone)),
            )
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=x[1], ylabel=y[1])
        axes.set_aspect("equal")
        axes.legend(loc="lower right" if name == "calibration" else "center")

    return _picture(name, draw, (3.6, 3.5))


def history(table: pd.DataFrame, backbone: str, number: int) -> str:
    """Loss of the kept head on train and valid over the epochs."""
    colour = COLOURS[number % len(COLOURS)]
    parts = dict(iter(table[table["backbone"] == backbone].groupby("part")))

    def draw(axes: Axes) -> None:
        for part, style in (("train", ":"), ("valid", "-")):
            axes.plot(parts[part]["epoch"], parts[part]["loss"], style, color=colour, label=part)
        best = parts["valid"].nsmallest(1, "loss")
        axes.plot(best["epoch"], best["loss"], "o", color=colour, label="kept")
        axes.set(xlabel="epoch", ylabel="loss", title=title(backbone))
        axes.set_ylim(0, 1.2 * axes.get_ylim()[1])  # room for the legend
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="upper center", ncols=3)

    return _picture(f"history-{backbone}", draw, (3.6, 2.8))


def _picture(name: str, draw: Callable[[Axes], None], size: tuple[float, float]) -> str:
    """Render what `draw` draws on axes of `size` inches as an SVG image in a `data:` URI.

    The salt and the missing date make the same numbers give the same bytes.
    """
    with mpl.rc_context(_STYLE | {"svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}"
