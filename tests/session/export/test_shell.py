"""Foreign octets in a shell's words: whatever they are, the shell takes them for nothing but themselves."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpscope.session.export.shell import comments, printed, text, word

SHELLS = [each for each in ("sh", "bash", "dash") if shutil.which(each)]
NASTY = st.sampled_from(
    [b"$(touch x)", b"`touch x`", b"'", b'"', b"\\", b"\n", b"; touch x", b"%s", b"\\c", b"!", b"$IFS"]
)
OCTETS = st.lists(NASTY | st.binary(max_size=8) | st.text(max_size=8).map(str.encode), max_size=6).map(b"".join)
IN_WORDS = OCTETS.map(lambda data: data.replace(b"\0", b"").rstrip(b"\n"))
"""What a command line can hold at all."""


def run(shell: str, script: str, folder: Path | None = None) -> bytes:
    done = subprocess.run([shell], input=script.encode(), capture_output=True, check=True, timeout=20, cwd=folder)
    assert done.stderr == b""
    return done.stdout


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=60)
@given(words=st.lists(IN_WORDS, min_size=1, max_size=5))
def test_a_word_is_what_it_was_made_of(shell: str, words: list[bytes]) -> None:
    script = f"printf '%s\\0' {' '.join(map(word, words))}\n"
    assert run(shell, script).split(b"\0")[:-1] == words


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=60)
@given(data=OCTETS)
def test_a_text_is_printed_octet_by_octet(shell: str, data: bytes) -> None:
    assert run(shell, f"printf %b {text(data)}\n") == data
    assert run(shell, printed(data)) == data


@given(data=OCTETS)
def test_every_character_is_printable(data: bytes) -> None:
    assert word(data).isprintable()
    assert text(data).isprintable()


@given(data=IN_WORDS.filter(lambda data: data.isascii() and data.decode().isprintable()))
def test_printable_words_are_what_the_standard_library_reads(data: bytes) -> None:
    assert shlex.split(word(data)) == [data.decode()]


@given(lines=st.lists(st.text(max_size=30), max_size=3))
def test_a_comment_stays_one(lines: list[str]) -> None:
    shown = comments(lines)
    assert len(shown.split("\n")) == len(lines) + 1
    assert all(line.startswith("# ") and line.isprintable() for line in shown.split("\n")[:-1])


@pytest.mark.parametrize("shell", SHELLS)
def test_nothing_of_it_runs(shell: str, tmp_path: Path) -> None:
    hostile = b"$(touch here)`touch here`';touch here;'\"|touch here|\n"
    run(shell, f": {word(hostile)} {text(hostile)}\n{comments([hostile.decode()])}{printed(hostile)}", tmp_path)
    assert list(tmp_path.iterdir()) == []
