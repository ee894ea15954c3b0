"""What .gitattributes says about the files that Git keeps."""

import subprocess
from pathlib import Path

from tests.support.project import ROOT, STAGES

READ_IN_A_PULL_REQUEST = {"metrics/evaluate.json", "metrics/audit.csv", "metrics/split.csv"}
"""Metrics and counts of a screen at most, which forges show."""


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [name for name in listed.stdout.decode().split("\0") if (ROOT / name).is_file()]


def attribute(name: str, files: list[str]) -> dict[str, str]:
    """The value of an attribute for each file."""
    done = subprocess.run(
        ["git", "check-attr", "-z", "--stdin", name],
        cwd=ROOT,
        input="\0".join(files).encode(),
        capture_output=True,
        check=True,
    )
    fields = done.stdout.decode().split("\0")
    return dict(zip(fields[::3], fields[2::3], strict=False))


def test_what_a_run_writes_is_folded_unless_people_read_it() -> None:
    entries = [
        entry
        for stage in STAGES.values()
        for kind in ("metrics", "plots")
        for entry in stage.get(kind, [])
        if isinstance(entry, dict)  # the others are in DVC's cache
    ]
    written = {"dvc.lock", "pretraining/dvc.lock", *(path for entry in entries for path in entry)}
    assert written >= READ_IN_A_PULL_REQUEST
    generated = attribute("linguist-generated", sorted(written | set(tracked())))
    assert {
        f for f, value in generated.items() if value == "set"
    } == written - READ_IN_A_PULL_REQUEST


def test_binary_files_are_named_and_all_others_have_unix_line_ends() -> None:
    files = tracked()
    ends, kinds = attribute("eol", files), attribute("text", files)
    for name in files:
        content = Path(ROOT / name).read_bytes()
        assert ends[name] == "lf", name
        assert (kinds[name] == "unset") == (b"\0" in content), name
        assert kinds[name] == "unset" or b"\r\n" not in content, name
