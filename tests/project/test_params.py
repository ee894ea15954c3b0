import json
import re
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import load_yaml, modify_yaml
from dvc.utils.serialize import parse_yaml as dvc_parse_yaml
from hypothesis import example, given
from hypothesis import strategies as st

from cracks.project.errors import CracksError
from cracks.project.outputs import write_json
from cracks.project.params import Params, flatten, load_params
from cracks.project.yaml_file import parse_yaml

GOOD = (Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8")


def with_line(old: str, new: str) -> str:
    """The project's params.yaml with one line that begins with `old` replaced."""
    lines = [new if line.startswith(old) else line for line in GOOD.splitlines()]
    assert lines.count(new) == 1
    return "\n".join(lines) + "\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "params.yaml"
    path.write_bytes(text.encode())
    return path


def test_params_yaml_has_the_form_that_dvc_writes(tmp_path: Path) -> None:
    """So that an experiment changes the lines of its parameters alone."""
    path = written(tmp_path, GOOD)
    with modify_yaml(path) as values:
        values["epochs"] = values["epochs"]
    assert path.read_text(encoding="utf-8") == GOOD


def test_the_project_s_own_parameters_are_valid(tmp_path: Path) -> None:
    assert isinstance(load_params(written(tmp_path, GOOD)), Params)


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("epochs: 010", "epochs", 10),  # 8 in YAML 1.1
        ("epochs: 0o10", "epochs", 8),
        ("epochs: 0x10", "epochs", 16),
        ("epochs: 1_000", "epochs", 1000),
        ("epochs: +3", "epochs", 3),
        ("epochs: !!int '3'", "epochs", 3),
        ("epochs: &three 3", "epochs", 3),
        ("learning_rate: 1e-05", "learning_rate", 1e-5),  # as DVC writes 0.00001; text in YAML 1.1
        ("learning_rate: 1E-5", "learning_rate", 1e-5),
        ("threshold: .3", "threshold", 0.3),
        ("threshold: auto", "threshold", "auto"),
        ("positive_class: yes", "positive_class", "yes"),  # true in YAML 1.1
        ("positive_class: off", "positive_class", "off"),
        ("positive_class: 12:30:45", "positive_class", "12:30:45"),  # 45045 in YAML 1.1
        ("positive_class: '010'", "positive_class", "010"),
        ("positive_class: Risse – groß", "positive_class", "Risse – groß"),
    ],
)
def test_values_are_those_that_dvc_records(line: str, key: str, value: Any, tmp_path: Path) -> None:
    path = written(tmp_path, with_line(f"{key}:", line))
    assert getattr(load_params(path), key) == value
    assert load_yaml(path)[key] == value


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        "%YAML 1.1\n---\n" + with_line("epochs:", "epochs: 010"),
        "%YAML 1.2\n---\n" + with_line("epochs:", "epochs: 010"),
        GOOD + "...\n",
        GOOD.replace("\nseed: 0", "\nseed: &seed 3").replace("seeds: 5", "seeds: *seed"),
        re.sub(
            r"(?m)^photos:.*\n(  .*\n)+",
            "photos: {limit: 3, group: null, <<: {seed: 7, limit: 4}}\n",
            GOOD,
        ),
    ],
    ids=["CRLF", "BOM", "1.1", "1.2", "end", "alias", "merge"],
)
def test_files_are_read_as_dvc_reads_them(text: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    assert load_params(path).model_dump() == load_yaml(path)


SCALARS = st.one_of(
    st.text(alphabet="0123456789abeEfxXo._+-:TZ~'\"!&*<>%@[]{}#|= \tynull", max_size=10),
    st.from_regex(r"[-+]?[0-9_]{1,5}(\.[0-9_]{0,4})?([eE][-+]?[0-9]{1,3})?", fullmatch=True),
    st.from_regex(r"0[xob]?[0-9a-f_]{1,6}", fullmatch=True),
    st.from_regex(r"[0-9]{1,4}[-:][0-9]{1,2}[-:][0-9]{1,2}([T ][0-9:.]{1,8}Z?)?", fullmatch=True),
    st.sampled_from(["yes", "No", "ON", "off", "y", "True", "FALSE", "NULL", ".NaN", "-.Inf"]),
    st.text(max_size=5),
)


@given(SCALARS)
@example("010")
@example("1e-3")
@example("12:30:45")
@example("9999-12-31T23:59:59.9999999")
def test_a_scalar_is_what_dvc_reads_or_one_sentence(scalar: str) -> None:
    text = f"epochs: {scalar}\n"
    path = Path("params.yaml")
    try:
        values = parse_yaml(text, path)
    except CracksError as error:
        assert str(error).isprintable()
        return
    assert repr(values) == repr(dvc_parse_yaml(text, path))  # repr: NaN is not equal to itself


def test_only_keys_and_values_are_accepted(tmp_path: Path) -> None:
    with pytest.raises(CracksError, match="expected keys and values"):
        parse_yaml("- a", tmp_path)
    assert parse_yaml("a: [1, 2.5, null, {b: 'c'}]", tmp_path) == {"a": [1, 2.5, None, {"b": "c"}]}


@pytest.mark.parametrize("threshold", ["0", "1", "0.3", "0.1234", "0.9999", "0.00010"])
def test_the_threshold_in_metrics_is_the_one_of_the_parameters(
    threshold: str, tmp_path: Path
) -> None:
    params = load_params(written(tmp_path, with_line("threshold:", f"threshold: {threshold}")))
    assert isinstance(params.threshold, float)
    write_json(tmp_path / "metrics.json", {"threshold": params.threshold})
    assert json.loads((tmp_path / "metrics.json").read_text())["threshold"] == float(threshold)


def test_a_threshold_that_metrics_cannot_show_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, with_line("threshold:", "threshold: 0.12345"))
    with pytest.raises(CracksError, match="with at most 4 decimals, found 0.12345"):
        load_params(path)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("epohcs: 3", "unknown key 'epohcs'; did you mean 'epochs'?"),
        ("epochs: two", "'epochs': expected a valid integer, found 'two'."),
        ("# epochs", "key 'epochs' is missing; add it with a value."),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_key(
    line: str, sentence: str, tmp_path: Path
) -> None:
    path = written(tmp_path, with_line("epochs:", line))
    with pytest.raises(CracksError) as error:
        load_params(path)
    assert str(error.value) == f"{path}: {sentence}"


def test_a_mistake_in_a_section_suggests_keys_of_the_section(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.replace("  strategy:", "  stratgy:"))
    with pytest.raises(CracksError, match=r"'split.stratgy'; did you mean 'split.strategy'\?$"):
        load_params(path)


def test_folders_may_be_called_by_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, with_line("positive_class:", "positive_class: 1"))
    assert load_params(path).positive_class == "1"


def test_no_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(CracksError, match="run from the project's folder"):
        load_params(tmp_path / "params.yaml")


def test_sections_become_prefixes_and_lists_stay() -> None:
    settings = {"epochs": 5, "split": {"seed": 0, "deep": {"er": None}}, "urls": ["a", "b"]}
    assert flatten(settings) == {
        "epochs": 5,
        "split.seed": 0,
        "split.deep.er": None,
        "urls": ["a", "b"],
    }
