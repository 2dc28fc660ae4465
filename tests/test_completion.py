"""Shell completion: it knows every option and every kind, and bash offers what the place asks for."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from smtpscope.options import COMMAND
from smtpscope.profile import AUTO, MECHANISMS
from smtpscope.values import KINDS

FOLDER = Path(__file__).parent.parent / "completions"
BASH = FOLDER / "smtpscope.bash"


@pytest.mark.parametrize("name", ["smtpscope.bash", "_smtpscope", "smtpscope.fish"])
def test_every_option_and_value_is_offered(name: str) -> None:
    text = (FOLDER / name).read_text()
    words = set(re.split(r"[\s'\"(){},:\[\]|]+", text))
    names = {n for o in COMMAND.get_params(click.Context(COMMAND)) if isinstance(o, click.Option) for n in o.opts}
    if name.endswith(".fish"):
        words |= {f"--{word}" for word in re.findall(r" -l (\S+)", text)}
        words |= {f"-{word}" for word in re.findall(r" -[os] (\S+)", text)}
    assert {*names, *KINDS, *AUTO, *MECHANISMS, "demo", "open", "export", "diff"} - words == set()


def offered(*words: str, folder: Path) -> list[str]:
    """What bash offers for the last of ``words``."""
    script = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _smtpscope; printf "%s\\n" "${COMPREPLY[@]}"'
    command = ["bash", "--norc", "-c", script, str(BASH), "smtpscope", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=30, cwd=folder, env={"PATH": "/usr/bin:/bin"}
    )
    assert (done.returncode, done.stderr) == (0, "")
    return sorted(filter(None, done.stdout.split("\n")))


@pytest.mark.parametrize(
    ("words", "candidates"),
    [
        (["exp"], ["export"]),
        (["--no"], ["--no-keep", "--no-transcript"]),
        (["mail.test", "-tl"], ["-tls", "-tlsc", "-tlso", "-tlsos", "-tlsp"]),
        (["mail.test", "--auto", ""], sorted(AUTO)),
        (["mail.test", "-a", "P"], ["PLAIN"]),
        (["mail.test", "-a", "--aut"], ["--auth", "--auth-password", "--auth-user", "--auto"]),
        (["mail.test", "-au", ""], []),
        (["open", "a"], ["a $(b).jsonl", "a.jsonl"]),
        (["diff", "a.jsonl", "b"], ["b.jsonl"]),
        (["export", "a.jsonl", "-"], ["--as"]),
        (["export", "a.jsonl", "--as", "s"], ["svg", "swaks"]),
        (["mail.test", "--save", "b"], ["b.jsonl"]),
    ],
)
def test_bash_offers_what_can_stand_there(words: list[str], candidates: list[str], tmp_path: Path) -> None:
    assert shutil.which("bash") is not None, "These tests need bash."
    for name in ("a.jsonl", "a $(b).jsonl", "b.jsonl"):
        (tmp_path / name).touch()
    assert offered(*words, folder=tmp_path) == candidates
