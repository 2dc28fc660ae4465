"""What a start may load, looked at in fresh processes."""

import subprocess
import sys

import pytest

from smtpscope import __version__


def loaded_by(code: str) -> set[str]:
    """The modules in memory after ``code`` has run in a process of its own, which may leave by SystemExit."""
    wrapped = f"import sys\ntry:\n    {code}\nexcept SystemExit: pass\nprint('\\n', *sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", wrapped], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


def roots(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


SCREEN = {"textual", "rich", "smtpscope_widgets"}
HEAVY = {"aiosmtplib", "aiosmtpd", "trustme", "cryptography", "OpenSSL", "regex"}


@pytest.mark.parametrize(
    "module", ["smtpscope.smtp", "smtpscope.session", "smtpscope.visible", "smtpscope.demo.server"]
)
def test_what_needs_no_screen_loads_none(module: str) -> None:
    modules = loaded_by(f"import {module}")
    assert module in modules
    assert roots(modules) & SCREEN == set()


def test_the_protocol_stands_alone() -> None:
    modules = loaded_by("import smtpscope.smtp")
    assert {
        name for name in modules if name.startswith(("smtpscope.session", "smtpscope.tui", "smtpscope.demo"))
    } == set()


def test_widgets_know_no_smtp() -> None:
    modules = loaded_by("import smtpscope_widgets")
    assert "smtpscope_widgets" in modules
    assert roots(modules) & {"smtpscope", *HEAVY} == set()


def test_version_loads_no_parser() -> None:
    before = loaded_by("pass")
    added = loaded_by("from smtpscope.cli import main; main(['--version'])") - before
    assert added - {__version__} == {"__future__", "smtpscope", "smtpscope.cli"}


@pytest.mark.parametrize("words", [["--help"], ["mail.test", "--no-such"], ["mail.test"], []])
def test_what_opens_no_screen_loads_neither_it_nor_the_wire(words: list[str]) -> None:
    modules = loaded_by(f"from smtpscope.cli import main; main({words})")
    assert "smtpscope.cli" in modules
    assert roots(modules) & (SCREEN | HEAVY | {"asyncio", "ssl"}) == set()


def test_the_screen_is_there_before_anybody_searches() -> None:
    assert "regex" not in roots(loaded_by("import smtpscope.tui.app"))
