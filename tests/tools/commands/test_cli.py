import click
import pytest

from cracks.tools.commands.cli import cli


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_help_keeps_the_lines_of_examples(name: str) -> None:
    command = cli.commands[name]
    group = click.Context(cli, **cli.context_settings)  # click keeps the help option of the first
    text = command.get_help(click.Context(command, parent=group, info_name=name))
    assert r"\b" not in text
    examples = [line for line in text.splitlines() if "python -m cracks" in line]
    assert all(line.startswith("    python -m cracks") for line in examples)
