"""Measured tables: as a benchmark prints them, as a file keeps them, as a page shows them."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

DATA = Path("docs/measurements/data")

_TABLE = re.compile(r"(^\|.*\n\|[-:|]+\|(?:\n\|.*)*)", re.MULTILINE)


@dataclass(frozen=True)
class Table:
    """A table of Markdown, and the lines that a benchmark prints around it."""

    columns: list[str]
    alignment: list[str]  # `---` or `--:` of each column
    rows: list[list[str]]
    title: str = ""
    note: str = ""


@dataclass(frozen=True)
class Measurement:
    """What one run of a benchmark found, and where that was."""

    command: str
    commit: str
    date: str
    machine: str  # processor and cores
    packages: dict[str, str] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)


def parse(lines: Iterable[str]) -> list[Table]:
    """The tables in what a benchmark printed.

    A table's title is the line of text before it, its note is what follows up to the next title.
    """
    parts = _TABLE.split("\n".join(map(str.strip, lines)))  # text and tables in turn
    texts = [list(filter(None, part.splitlines())) for part in parts[::2]]
    titles = [text.pop() if text else "" for text in texts[:-1]]
    notes = map(" ".join, texts[1:])
    tables = []
    for table, title, note in zip(parts[1::2], titles, notes, strict=True):
        columns, alignment, *rows = map(_cells, table.splitlines())
        tables.append(Table(columns, alignment, rows, title, note))
    return tables


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def markdown(table: Table) -> str:
    """The table as Markdown."""
    rule = f"|{'|'.join(table.alignment)}|"
    return "\n".join([_line(table.columns), rule, *map(_line, table.rows)])


def _line(cells: Sequence[str]) -> str:
    return re.sub(" +", " ", f"| {' | '.join(cells)} |")


def write(measurement: Measurement, path: Path) -> None:
    """Write a file that `read` reads, a row of a table in a line."""
    text = json.dumps(asdict(measurement), indent=1, ensure_ascii=False)
    flat = re.sub(r'\[\s+("[^\[\]]*?")\s+\]', lambda row: f"[{' '.join(row[1].split())}]", text)
    path.write_text(f"{flat}\n", encoding="utf-8")


def read(path: Path) -> Measurement:
    """What a file of `docs/measurements/data/` keeps."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return Measurement(**found | {"tables": [Table(**table) for table in found["tables"]]})
