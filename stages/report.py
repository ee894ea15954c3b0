"""report: one self-contained page about the data, the classifiers and their mistakes."""

from cracks.pipeline.params import load_params
from cracks.pipeline.paths import REPORT
from cracks.pipeline.stage import run
from cracks.report.page import render_report


def main() -> None:
    """Write report.html."""
    render_report(load_params(), REPORT)
    print(f"{REPORT}: {REPORT.stat().st_size / 1e6:.1f} MB; open it in a browser.")


if __name__ == "__main__":
    run(main)
