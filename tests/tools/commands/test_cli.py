import click
import pytest

from cracks.tools.commands.cli import cli


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_help_keeps_the_lines_of_examples(name: str) -> None:
    command = cli.commands[name]
    text = command.get_help(click.Context(command, info_name=name, max_content_width=100))
    assert r"\b" not in text
    examples = [line for line in text.splitlines() if "python -m cracks" in line]
    assert all(line.startswith("    python -m cracks") for line in examples)
