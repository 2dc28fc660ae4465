"""Where Postfix is not installed, the last line of a test run says what did not run and how to get it to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from servers.postfix import HOW_TO_GET_IT

TESTS = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no_postfix"]
SELECTION = ["servers/test_servers.py", "-k", "postfix or conversation"]


def run_without_postfix(folder: Path, *options: str, ci: str = "") -> tuple[int, list[str]]:
    """The exit code and the lines of a run on a machine without Postfix."""
    (folder / "no_postfix.py").write_text("import servers.postfix\nservers.postfix.available = lambda: False\n")
    path = os.pathsep.join([str(folder), str(TESTS)])
    environment = os.environ | {"PYTHONPATH": path, "CI": ci}
    for name in [name for name in environment if name.startswith("PYTEST_")]:
        del environment[name]  # of the run that this test is part of
    run = subprocess.run(
        [*COMMAND, *options, *SELECTION], cwd=TESTS, env=environment, capture_output=True, text=True, timeout=60
    )
    assert run.stderr == ""
    return run.returncode, run.stdout.splitlines()


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_last_line_says_what_did_not_run_and_how_to_get_it_to(tmp_path: Path, workers: str) -> None:
    code, lines = run_without_postfix(tmp_path, "-n", workers)
    assert code == 0
    assert lines[-1] == (
        f"NOT RUN: 2 tests that need Postfix (tests/servers/test_servers.py). To run them: {HOW_TO_GET_IT}."
    )
    assert "1 passed" in lines[-2]


def test_in_ci_nothing_is_left_out(tmp_path: Path) -> None:
    code, lines = run_without_postfix(tmp_path, ci="true")
    assert code == 1
    assert "2 errors" in lines[-1]
    assert any("Postfix cannot run here: apt-get install" in line for line in lines)
