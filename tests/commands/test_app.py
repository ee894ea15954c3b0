import sys

import pytest

from cracks.commands import app
from cracks.pipeline.errors import CracksError


def test_what_is_not_installed_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(CracksError, match="Expected the package uvicorn .* run `make app`"):
        app.run(None, 8050)
