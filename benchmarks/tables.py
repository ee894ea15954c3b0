"""Measured tables: as a benchmark prints them, as a file keeps them, as a page shows them."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

DATA = Path("docs/measurements/data")

_RULE = re.compile(r"\|(:?-+:?\|)+")


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
    tables: list[Table] = []
    text: list[str] = []
    header: list[str] | None = None
    for line in lines:
        stripped = line.strip()
        if stripped.startswith("|"):
            if header is None:
                header = _cells(stripped)
            elif _RULE.fullmatch(stripped):
                title = text.pop() if text else ""
                _note(tables, text)
                tables.append(Table(header, _cells(stripped), [], title))
            else:
                tables[-1].rows.append(_cells(stripped))
        else:
            header = None
            text += [stripped] * bool(stripped)
    _note(tables, text)
    return tables


def _note(tables: list[Table], text: list[str]) -> None:
    """Give the last table the text that is left."""
    if tables and text:
        tables[-1] = replace(tables[-1], note=" ".join(text))
    text.clear()


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
