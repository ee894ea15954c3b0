"""Ctrl-C at random moments of stages and commands: one sentence, status 130, nothing left.

A moment is a number of imports (Python tells of each), or a time after the last of them: most of
what used to end in tracebacks were imports and pools.
"""

import os
import random
import re
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.processes import below, stage_of, start, until
from tests.support.project import STAGES, Project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="interrupts by signals"),
]

IMPORTS = 1500  # about as many as a stage without TensorFlow has
OF_DVCS_BAR = re.compile(
    r"^Exception ignored in: <function tqdm\.__del__ .*\nTraceback .*\n(?: .*\n|\n)+"
    r"(?:AttributeError: .*'postfix'|KeyboardInterrupt:? ?)\n",
    re.MULTILINE,
)
"""What Python prints if Ctrl-C meets DVC between the two halves of its own bar's constructor, or at
the end of the bar."""

STAGE_COMMANDS = [stage["cmd"].removeprefix("python ") for stage in STAGES.values()]
COMMANDS = [
    "-m cracks summary",
    "-m cracks review HEAD",
    "-m cracks localisation",
    "-m cracks predict docs --backbone vgg16",
    "-m cracks external photos.zip",
    "-m cracks carry-over sample",
    "-m cracks export --backbone vgg16 --to onnx model.onnx",
]


def interrupt(project: Project, tmp_path: Path, command: str, imports: int, wait: float) -> str:
    """Interrupt `python COMMAND`; the result is what it said, "" if it was faster."""
    said = tmp_path / "said"
    with said.open("w") as output:
        process = start(
            project,
            "python",
            *command.split(),
            output=output,
            PYTHONPROFILEIMPORTTIME="1",
            TMPDIR=str(tmp_path / "temporary"),
        )

    def lines() -> list[str]:
        return said.read_text().splitlines()

    def is_there() -> bool:
        """Whether the handler is installed, which some import follows, and enough is imported."""
        found = [line for line in lines() if line.startswith("import time:")]
        own = [n for n, line in enumerate(found) if line.endswith("cracks.runtime.lifetime")]
        return process.poll() is not None or (
            bool(own) and len(found) > max(own[0] + 1, own[0] + imports)
        )

    # a process that imports less than that is interrupted later, or ends
    until(is_there, 10)
    until(lambda: process.poll() is not None, wait)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    status = process.wait()
    words = "\n".join(line for line in lines() if not line.startswith("import time:"))
    assert "Traceback" not in words, words
    if status == 130:
        return words
    # it ended by itself, or the interpreter was on its way out and had its handlers removed
    assert status in (0, -signal.SIGINT), words
    return ""


@pytest.mark.parametrize("command", [*STAGE_COMMANDS, *COMMANDS])
def test_ctrl_c_is_one_sentence(command: str, project: Project, tmp_path: Path) -> None:
    sentence = "Interrupted; run `dvc repro` to go on." if "stages" in command else "Interrupted."
    before = project.results()
    (tmp_path / "temporary").mkdir()
    moments = random.Random(command)
    for imports, wait in ((moments.randrange(IMPORTS), 0.0), (0, moments.uniform(0.5, 4))):
        said = interrupt(project, tmp_path, command, imports, wait)
        if said:
            assert said.splitlines()[-1] == sentence
            assert said.count("Interrupted") == 1
        assert until(lambda: not below(project.folder)), below(project.folder)
        assert project.results() == before
        assert not (project.folder / "model.onnx").exists()
        # TensorFlow leaves small files of Python there, which it removes on another way out
        left = [path for path in (tmp_path / "temporary").iterdir() if path.is_dir()]
        assert not left


@pytest.mark.parametrize("wait", [0.1, 0.5, 1.0, 2.0])
def test_ctrl_c_of_dvc_is_no_traceback(wait: float, project: Project) -> None:
    before = project.results()
    dvc = start(project, "dvc", "repro", "--force", "--single-item", "audit")
    stage = stage_of(dvc)
    assert stage
    until(lambda: not stage.is_running(), wait)
    os.killpg(dvc.pid, signal.SIGINT)
    said = OF_DVCS_BAR.sub("", dvc.communicate()[0])
    assert "Traceback" not in said
    # none if the interpreter was not up yet, or the stage was faster
    assert said.count("Interrupted; run `dvc repro` to go on.") <= 1
    assert until(lambda: not below(project.folder)), below(project.folder)
    project.mend_lock()
    project.run("dvc", "repro", "--force", "--single-item", "audit")
    assert project.results() == before


def test_what_is_in_the_background_ignores_ctrl_c(project: Project) -> None:
    """As a shell without job control starts it."""
    code = "import signal, os; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    code += "os.execvp('python', ['python', '-m', 'stages', 'split'])"
    process = start(project, "python", "-c", code)
    until(lambda: "stages" in psutil.Process(process.pid).cmdline())
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate()
    assert process.returncode == 0, said
