"""The pages say what the measurements, the commands, the parameters and the files say."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from benchmarks.render import BLOCK, COLUMNS, as_code, pages, quoted, render, shown, table
from benchmarks.tables import DATA
from cracks.evaluation.metrics import METRICS
from cracks.project.params import flatten
from cracks.tools.commands import cli
from tests.support.project import ROOT

PAGES = [path.relative_to(ROOT) for path in pages(ROOT)]
README = ROOT / "README.md"
NEEDS_A_RUN = "python -m cracks localisation"
"""Compared where the pipeline has run: `tests/pipeline/test_clean_clone.py`."""


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def printed(command: str) -> str | None:
    """What a command prints, run in this process; None if it needs a run of the pipeline."""
    if command == NEEDS_A_RUN:
        return None
    whole, _, lines = command.partition(" | head -n ")
    words = whole.split()[3:]
    width = (
        int(COLUMNS) - 2
    )  # click leaves a margin; its runner takes no terminal for wider than 80
    done = CliRunner().invoke(cli.cli, words, prog_name="python -m cracks", terminal_width=width)
    assert done.exit_code == 0, done.output
    return as_code(done.stdout, int(lines or 0))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_blocks_show_the_data_and_what_commands_print(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    kinds = {"table": table, "file": shown, "quote": quoted, "output": printed}
    assert render(text, kinds) == text, "run `make docs-tables`"


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.parent.name == "measurements" or p == Path("README.md")], ids=str
)
def test_no_measured_table_is_kept_by_hand(page: Path) -> None:
    by_hand = BLOCK.sub("", page.read_text(encoding="utf-8"))
    assert not re.findall(r"^\|.*", by_hand, re.MULTILINE)


def test_all_data_is_shown() -> None:
    everything = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for path in DATA.glob("*.json"):
        assert f"<!-- table: {path.stem} " in everything, path


def test_the_readme_is_a_page() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


def test_every_parameter_is_in_the_table_with_its_default() -> None:
    page = Path("docs/reference/parameters.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:4] for line in page.splitlines() if line.startswith("| `")]
    defaults_of: dict[str, str] = {}
    for keys, defaults, _ in rows:
        names = re.findall(r"`([^`]+)`", keys)
        values = [value.strip(" `") for value in defaults.split(",")]
        defaults_of |= dict(zip(names, values, strict=False))
    for key, value in flatten(yaml.safe_load(Path("params.yaml").read_text())).items():
        if key.startswith("augmentation.") and key != "augmentation.views":
            assert f"`{key.removeprefix('augmentation.')}`" in page or key in page, key
            continue
        assert key in defaults_of, key
        if isinstance(value, list):
            continue
        said = "null" if value is None else str(value)
        assert defaults_of[key] == said, key


def test_every_metric_and_every_command_has_its_place() -> None:
    metrics = Path("docs/reference/metrics.md").read_text(encoding="utf-8")
    for name in METRICS:
        assert f"`{name}`" in metrics, name
    commands = Path("docs/reference/commands.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^## (.+)$", commands, re.MULTILINE)) == set(cli.cli.commands)


@pytest.mark.parametrize("page", [*PAGES, Path("CONTRIBUTING.md"), Path("CHANGELOG.md")], ids=str)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target, anchor in re.findall(
        r"\]\((?!http)([^)#]*)(?:#([^)]+))?\)", page.read_text(encoding="utf-8")
    ):
        path = page.parent / target if target else page
        assert path.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {slug(title) for title in titles}, f"{target}#{anchor}"


def slug(title: str) -> str:
    """The name of a heading in an address."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", [*PAGES, Path("CONTRIBUTING.md"), Path("CHANGELOG.md")], ids=str)
def test_commands_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for command in re.findall(r"python -m cracks ([a-z][\w-]+)", text):
        assert command in cli.cli.commands, command
    makefile = Path("Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:`|^)make ([a-z-]*[a-z])", text, re.MULTILINE):
        assert f"\n{target}:" in makefile, target


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="needs MkDocs: run `make test-all`")
    for name in ("docs", "mkdocs.yml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict"],
        cwd=tmp_path,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site/search/search_index.js").exists(), "for a search without a server"
    page = (tmp_path / "site/index.html").read_text(encoding="utf-8")
    assert "https://fonts." not in page
