"""What an installation puts into site-packages."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from smtpscope import __version__

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (path,) = folder.iterdir()
    return zipfile.ZipFile(path)


def test_only_the_two_packages_are_installed(wheel: zipfile.ZipFile) -> None:
    names = [name for name in wheel.namelist() if not name.endswith("/")]
    shared = f"smtpscope-{__version__}.data/data/share/"  # beside site-packages: where shells look for completions
    assert sorted(Path(name).name for name in names if name.startswith(shared)) == [
        "_smtpscope",
        "smtpscope",
        "smtpscope.fish",
    ]
    names = [name for name in names if not name.startswith(shared)]
    assert {name.partition("/")[0] for name in names} == {
        "smtpscope",
        "smtpscope_widgets",
        f"smtpscope-{__version__}.dist-info",
    }


def test_every_module_and_both_type_marks_are_in_it(wheel: zipfile.ZipFile) -> None:
    sources = {
        path.relative_to(folder).as_posix()
        for folder in (ROOT / "app", ROOT / "widgets")
        for pattern in ("*.py", "*.toml", "py.typed", "*.tcss")
        for path in folder.rglob(pattern)
    }
    assert {"smtpscope/cli.py", "smtpscope/py.typed", "smtpscope_widgets/py.typed"} <= sources
    assert sources - set(wheel.namelist()) == set()


def test_the_command_and_the_licence_come_with_it(wheel: zipfile.ZipFile) -> None:
    information = f"smtpscope-{__version__}.dist-info"
    entry_points = wheel.read(f"{information}/entry_points.txt").decode()
    assert entry_points.split() == ["[console_scripts]", "smtpscope", "=", "smtpscope.cli:main"]
    assert b"MIT License" in wheel.read(f"{information}/licenses/LICENSE")
