"""report: one self-contained page about the data, the classifiers and their mistakes."""

from cracks.project.params import load_params
from cracks.project.paths import MISTAKES, REPORT
from cracks.report.page import render_report


def main() -> None:
    """Write report.html, and data/mistakes.jpg for `dvc plots`."""
    render_report(load_params(), REPORT, MISTAKES)
    print(f"{REPORT}: {REPORT.stat().st_size / 1e6:.1f} MB; open it in a browser.")
