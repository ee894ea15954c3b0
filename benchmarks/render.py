"""Fill in the blocks of the pages that are measured, or printed by a command.

A block begins with `<!-- table: NAME NUMBER -->`, a table of docs/measurements/data/NAME.json, with
`<!-- output: python -m cracks COMMAND -->` (for its first lines `… COMMAND | head -n 9 -->`), with
`<!-- file: PATH -->`, a file that several pages show, or with `<!-- quote: PATH | head -n 7 -->`,
the first lines of a file of Markdown. It ends with `<!-- end -->`.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.tables import DATA, markdown, read
from cracks.project.errors import CracksError, exit_on_error

COLUMNS = "100"  # of the terminal in which commands print what pages show
BLOCK = re.compile(r"(<!-- (table|output|file|quote): ([^>]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def main() -> int:
    """Render all pages in their place; 1 if a command failed, whose blocks are left as they are."""
    failed = []

    def printed(command: str) -> str | None:
        try:
            return output(command)
        except CracksError as error:
            failed.append(command)
            print(error, file=sys.stderr)
            return None

    for page in pages(Path()):
        text = page.read_text(encoding="utf-8")
        new = render(text, {"table": table, "file": shown, "quote": quoted, "output": printed})
        if new != text:
            page.write_text(new, encoding="utf-8")
            print(page)
    return 1 if failed else 0


def pages(root: Path) -> list[Path]:
    """All pages of the documentation."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def render(text: str, kinds: Mapping[str, Callable[[str], str | None]]) -> str:
    """A page with its blocks of some kinds filled in; a block for which there is None is kept."""

    def filled(block: re.Match[str]) -> str:
        begin, kind, what, content, end = block.groups()
        new = kinds[kind](what) if kind in kinds else None
        return begin + (content if new is None else new) + end

    return BLOCK.sub(filled, text)


def table(what: str) -> str:
    """A table and where, when and at which commit it was measured.

    Args:
        what: the name of the file, and which of its tables; the first, if it has one only.
    """
    name, _, number = what.partition(" ")
    found = read(DATA / f"{name}.json")
    try:
        chosen = found.tables[int(number or 1) - 1]
    except (ValueError, IndexError):
        raise CracksError(
            f"Expected a table of {DATA / name}.json from 1 to {len(found.tables)}, found {what!r}."
        ) from None
    note = f"{chosen.note}\n\n" if chosen.note else ""
    measured = f"*{found.date} at `{found.commit}`, {found.machine}: `{found.command}`*"
    return f"\n{markdown(chosen)}\n\n{note}{measured}\n\n"


def output(command: str) -> str:
    """What a command of the project prints, as a block of code.

    Raises:
        CracksError: if it is none of the project's, or fails.
    """
    whole, _, lines = command.partition(" | head -n ")
    words = whole.split()
    if words[:3] != ["python", "-m", "cracks"]:
        raise CracksError(f"Expected `python -m cracks …` in a page, found {command!r}.")
    done = subprocess.run(
        [sys.executable, *words[1:]],
        env=os.environ | {"COLUMNS": COLUMNS},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CracksError(f"Expected what `{command}` prints, but it failed: {done.stderr.strip()}")
    return as_code(done.stdout, int(lines or 0))


def shown(path: str) -> str:
    """A file of text that several pages show."""
    return as_code(Path(path).read_text(encoding="utf-8"))


def quoted(what: str) -> str:
    """The first lines of a file of Markdown below its title, as a quotation."""
    path, _, lines = what.partition(" | head -n ")
    text = re.sub(r"^## .*\n+", "", Path(path).read_text(encoding="utf-8"))
    return "".join(f"> {line}".rstrip() + "\n" for line in text.splitlines()[: int(lines)])


def as_code(printed: str, first: int = 0) -> str:
    """Text as a page shows it: all, or its first lines."""
    lines = printed.strip("\n").splitlines()
    if first:
        lines = [*lines[:first], "…"]
    return "\n".join(["```", *lines, "```\n"])


if __name__ == "__main__":
    with exit_on_error():
        sys.exit(main())
