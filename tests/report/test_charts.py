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


def test_charts_are_svg_in_the_page_s_own_colour() -> None:
    for svg in every_chart():
        root = ET.fromstring(svg)
        assert root.tag.endswith("svg")
        assert "viewBox" in root.attrib
        assert "width" not in root.attrib
        assert "currentColor" in svg
        assert charts._INK not in svg


def test_charts_say_what_they_show() -> None:
    intervals, roc, history = every_chart()
    assert "VGG16, recall" in intervals
    for words in ("ResNet50", "VGG16", "false alarms"):
        assert words in roc
    assert "kept" in history


def test_charts_are_the_same_bytes_twice() -> None:
    assert every_chart() == every_chart()


def test_identifiers_of_one_chart_are_not_in_another() -> None:
    names = [
        {element.attrib["id"] for element in ET.fromstring(svg).iter() if "id" in element.attrib}
        for svg in every_chart()
    ]
    assert not names[0] & names[1] | names[1] & names[2] | names[0] & names[2]
