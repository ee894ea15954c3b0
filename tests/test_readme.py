"""The README says what the metrics, the parameters and the files say."""

import re

import pytest
import yaml

from cracks.commands import cli, summary
from cracks.pipeline.params import flatten
from tests.support.project import README, ROOT


def block(command: str) -> str:
    """The code block that a comment says is the output of a command."""
    found = re.search(rf"<!-- \w+: {re.escape(command)} -->\n```\n(.*?)```", README, re.DOTALL)
    assert found, command
    return found[1]


def test_the_summary_is_that_of_the_committed_metrics(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    summary.run()
    assert block("python -m cracks summary").strip() == capsys.readouterr().out.strip()


def test_every_parameter_is_in_the_table_with_its_default() -> None:
    section = README.split("## Parameters")[1].split("###")[0]
    rows = [line.split("|")[1:4] for line in section.splitlines() if line.startswith("| `")]
    table: dict[str, str] = {}
    for keys, defaults, _ in rows:
        names = re.findall(r"`([^`]+)`", keys)
        values = [value.strip(" `") for value in defaults.split(",")]
        table |= dict(zip(names, values, strict=False))
    for key, value in flatten(yaml.safe_load((ROOT / "params.yaml").read_text())).items():
        if key.startswith("augmentation.") and key != "augmentation.views":
            assert f"`{key.removeprefix('augmentation.')}`" in section or key in section, key
            continue
        assert key in table, key
        if isinstance(value, list):
            continue
        said = "null" if value is None else str(value)
        assert table[key] == said, key


def test_links_lead_to_files() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_commands_exist() -> None:
    for command in re.findall(r"python -m cracks ([\w-]+)", README):
        assert command in cli.cli.commands, command
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`?\bmake ([a-z-]*[a-z])", README):
        assert f"\n{target}:" in makefile, target
