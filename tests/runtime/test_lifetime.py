import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cracks.project.errors import CracksError
from cracks.project.temporary import temporary_folder
from tests.support.project import ROOT

BEGIN = "from cracks.runtime.lifetime import prepare_streams; prepare_streams()"


def run(code: str, redirection: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = f'exec "$0" -c "$1" {redirection}'
    return subprocess.run(
        ["sh", "-c", command, sys.executable, f"{BEGIN}\n{code}"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_temporary_files_are_removed_by_every_way_to_end(
    number: signal.Signals, tmp_path: Path
) -> None:
    code = """
import os, signal, sys
from cracks.project.temporary import temporary_folder
from cracks.runtime.lifetime import end_on_interrupt
# what is in the background, or under nohup, inherits that it ignores them
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
end_on_interrupt("Ended.")
with temporary_folder() as folder:
    (folder / "x").write_text("x")
    signal.raise_signal(int(sys.argv[1]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(int(number))],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (128 + number, b"Ended.\n")
    assert list(tmp_path.iterdir()) == []


def test_no_place_for_temporary_files_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("cracks.project.temporary.mkdtemp", fail)
    with pytest.raises(CracksError, match="set TMPDIR to another folder"), temporary_folder():
        pass


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_file_of_ours(redirection: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    code = f"""
import os, sys
with open({str(path)!r}, "w") as file:
    print("to nobody", flush=True)
    os.write(1, b"from a library")
    print("to nobody", file=sys.stderr)
    file.write(f"ours, {{file.fileno() > 2}}")
"""
    assert run(code, redirection).returncode == 0
    assert path.read_text() == "ours, True"


def test_what_an_encoding_lacks_is_escaped() -> None:
    done = run(r"print('fa\xe7ade \udcff')", PYTHONIOENCODING="ascii")
    assert (done.stdout, done.stderr) == (b"fa\\xe7ade \\udcff\n", b"")


def test_what_an_encoding_has_is_shown() -> None:
    assert run("print('fa\xe7ade')", PYTHONIOENCODING="utf-8").stdout.decode() == "fa\xe7ade\n"
