"""report: one self-contained page about the data, the classifiers and their mistakes."""

from pathlib import Path

from cracks.params import load_params
from cracks.report import render_report
from cracks.stage import run

REPORT = Path("report.html")


def main() -> None:
    """Write report.html."""
    render_report(load_params(), REPORT)
    print(f"{REPORT}: {REPORT.stat().st_size / 1e6:.1f} MB; open it in a browser.")


if __name__ == "__main__":
    run(main)
