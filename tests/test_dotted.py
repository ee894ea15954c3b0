from cracks.dotted import dotted


def test_sections_become_prefixes_and_lists_stay() -> None:
    settings = {"epochs": 5, "split": {"seed": 0, "deep": {"er": None}}, "urls": ["a", "b"]}
    assert dotted(settings) == {
        "epochs": 5,
        "split.seed": 0,
        "split.deep.er": None,
        "urls": ["a", "b"],
    }
