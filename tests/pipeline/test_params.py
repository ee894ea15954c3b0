from pathlib import Path
from typing import Any

import pytest
import yaml

from cracks.pipeline.errors import CracksError
from cracks.pipeline.params import Params, flatten, load_params

ROOT = Path(__file__).parents[2]


def changed(tmp_path: Path, **changes: Any) -> Path:
    """The project's params.yaml with other values; a dotted key as `split__seed`."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    for dotted, value in changes.items():
        *sections, key = dotted.split("__")
        section = values
        for name in sections:
            section = section[name]
        section[key] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_the_project_s_own_parameters_are_valid() -> None:
    assert isinstance(load_params(ROOT / "params.yaml"), Params)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"epochs": "two"}, "'epochs': expected a whole number, found 'two'"),
        ({"epochs": 0}, "'epochs': expected at least 1, found 0"),
        ({"epochs": 2.5}, "'epochs': expected a whole number, found 2.5"),
        ({"epochs": True}, "'epochs': expected a whole number, found True"),
        ({"epohcs": 3}, "unknown key 'epohcs'; did you mean 'epochs'?"),
        ({"split__sede": 3}, "unknown key 'split.sede'; did you mean 'split.seed'?"),
        ({"split__valid": 0.6, "split__test": 0.5}, "'split': expected valid + test below 1"),
        ({"threshold": "automatic"}, "'threshold': expected a number or 'auto', found"),
        ({"threshold": 1.5}, "'threshold': expected at most 1 or 'auto', found 1.5"),
        ({"learning_rate": "1e-3"}, "the text '1e-3' (write a plain decimal"),
        ({"concrete__sha256": "abc"}, "'concrete.sha256': expected 64 hexadecimal digits"),
        ({"weights": "random"}, "'weights': expected a section with keys of its own"),
        ({"seed": -1}, "'seed': expected at least 0, found -1"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_key(
    changes: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(CracksError) as error:
        load_params(changed(tmp_path, **changes))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    path = changed(tmp_path)
    path.write_text(path.read_text().replace("image_size:", "#"))
    with pytest.raises(CracksError, match="key 'image_size' is missing"):
        load_params(path)


@pytest.mark.parametrize("text", ["epochs: [1", "- a", "", "\x00"])
def test_what_is_no_table_of_keys_is_one_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(CracksError, match="Expected"):
        load_params(path)


def test_no_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(CracksError, match="run from the project's folder"):
        load_params(tmp_path / "params.yaml")


def test_folders_may_be_called_by_numbers(tmp_path: Path) -> None:
    assert load_params(changed(tmp_path, positive_class=1)).positive_class == "1"


def test_sections_become_prefixes_and_lists_stay() -> None:
    settings = {"epochs": 5, "split": {"seed": 0, "deep": {"er": None}}, "urls": ["a", "b"]}
    assert flatten(settings) == {
        "epochs": 5,
        "split.seed": 0,
        "split.deep.er": None,
        "urls": ["a", "b"],
    }
