"""docs/tutorial.ipynb runs, and shows what is stored in it."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.project import ROOT

TUTORIAL = ROOT / "docs/tutorial.ipynb"


def without_messages(notebook: Any) -> Any:
    """The notebook without progress and times, which differ from run to run."""
    for cell in notebook.cells:
        cell.metadata.clear()
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata.pop("language_info", None)
    return notebook


@pytest.mark.slow
@pytest.mark.usefixtures("common_models")
def test_the_tutorial_shows_what_it_computes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As JupyterLab runs it, in its own folder; `UPDATE_TUTORIAL=1` stores the outputs instead."""
    # nbformat takes seconds to import
    nbformat = pytest.importorskip("nbformat", reason="`make .venv/ready-tutorial` installs it")
    nbclient = pytest.importorskip("nbclient", reason="`make .venv/ready-tutorial` installs it")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    stored = without_messages(nbformat.read(TUTORIAL, as_version=4))
    computed = nbformat.read(TUTORIAL, as_version=4)
    nbclient.NotebookClient(
        computed,
        timeout=600,
        coalesce_streams=True,
        resources={"metadata": {"path": str(TUTORIAL.parent)}},
    ).execute()
    computed = without_messages(computed)
    if os.environ.get("UPDATE_TUTORIAL"):
        nbformat.write(computed, TUTORIAL)
        return
    for before, now in zip(stored.cells, computed.cells, strict=True):
        assert now == before, now.source
