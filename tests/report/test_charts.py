import base64
import xml.etree.ElementTree as ET

import pandas as pd

from cracks.report import charts

METRICS = {
    f"{backbone}.{name}{end}": value + add
    for backbone, add in (("resnet50", 0.0), ("vgg16", 0.05))
    for name in ("accuracy", "recall")
    for end, value in (("", 0.9), ("_low", 0.85), ("_high", 0.93))
}
CURVE = pd.DataFrame(
    {"backbone": ["resnet50"] * 2 + ["vgg16"] * 2, "fpr": [0, 1] * 2, "tpr": [0.5, 1] * 2}
)
HISTORY = pd.DataFrame(
    {"backbone": "vgg16", "epoch": [1, 2] * 2, "part": ["train"] * 2 + ["valid"] * 2, "loss": 0.5}
)


def every_chart() -> list[str]:
    return [
        charts.intervals(METRICS, ["resnet50", "vgg16"]),
        charts.curve("roc", CURVE, ("fpr", "false alarms"), ("tpr", "recall")),
        charts.history(HISTORY, "vgg16", 1),
    ]


def svg_of(picture: str) -> ET.Element:
    head, data = picture.split(",")
    assert head == "data:image/svg+xml;base64"
    return ET.fromstring(base64.b64decode(data))


def test_charts_are_svg_images() -> None:
    for picture in every_chart():
        root = svg_of(picture)
        assert root.tag.endswith("svg")
        assert "viewBox" in root.attrib


def test_a_line_is_drawn_for_each_backbone() -> None:
    text = ET.tostring(svg_of(every_chart()[1]), encoding="unicode")
    for colour in charts.COLOURS[:2]:
        assert colour in text
    assert charts.COLOURS[2] not in text


def test_charts_are_the_same_bytes_twice() -> None:
    assert every_chart() == every_chart()
