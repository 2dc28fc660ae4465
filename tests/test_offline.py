"""Kept sessions on the command line: exported and compared, in processes without a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from smtpscope.session.export import KINDS as EXPORTED
from smtpscope.session.keep import Keeper
from smtpscope.session.recorder import Recorder
from smtpscope.values import KINDS
from tui.recordings import finished, in_transaction


def kept(recorder: Recorder, path: Path) -> Path:
    keeper = Keeper(path, recorder, "mx1.example.org", 587)
    keeper.close()
    assert keeper.problem == ""
    return path


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept(finished(), tmp_path_factory.mktemp("sent") / "sent.jsonl")


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept(in_transaction().recorder, tmp_path_factory.mktemp("refused") / "refused.jsonl")


def run(*words: str | Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "smtpscope", *map(str, words)]
    return subprocess.run(command, input=given, capture_output=True, timeout=60)


def test_every_kind_of_export_has_its_word() -> None:
    assert {*KINDS} == {*EXPORTED, "svg"}


@pytest.mark.parametrize(
    ("kind", "begins", "has"),
    [
        ("transcript", "=== Trying mx1.example.org:587", "<~* 550 5.1.1 <carol@example.org>"),
        ("jsonl", '{"format":"smtpscope session"', "queued as 4Wb7Xz2Kq9"),
        ("svg", "<svg", "</svg>"),
    ],
)
def test_a_kept_session_is_exported_to_standard_output(sent: Path, kind: str, begins: str, has: str) -> None:
    done = run("export", sent, "--as", kind)
    text = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert text.startswith(begins)
    assert has in text
    assert "wonderland" not in text


def test_the_session_may_come_from_standard_input_and_then_looks_the_same(sent: Path) -> None:
    from_file, from_input = run("export", sent), run("export", "-", given=sent.read_bytes())
    assert from_input.stdout == from_file.stdout
    assert from_input.returncode == 0


def test_of_a_cut_session_the_part_before_is_exported_and_the_fault_is_said(sent: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(sent.read_bytes()[:2000])
    for words, given, name in ((("export", cut), b"", str(cut)), (("export", "-"), cut.read_bytes(), "Standard input")):
        done = run(*words, given=given)
        assert done.returncode == 1
        assert b"220 mx1.example.org ESMTP" in done.stdout
        assert done.stderr.decode().startswith(f"smtpscope: {name}, line ")
        assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("data", [b"", b"From alice\n", b"\x1b[2J\xff\n", b'{"format":"other"}\n', None])
def test_a_file_that_is_no_session_is_one_sentence(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "f\x1b]0;x\x07"
    if data is not None:
        path.write_bytes(data)
    for words, code in ((("export", path), 1), (("diff", path, path), 2)):
        done = run(*words)
        assert (done.returncode, done.stdout) == (code, b"")
        assert done.stderr.startswith(b"smtpscope: ")
        assert done.stderr.count(b"\n") == len(words) - 1
        assert b"\x1b" not in done.stderr


def test_diff_says_with_its_exit_code_whether_sessions_differ(sent: Path, refused: Path) -> None:
    same, other = run("diff", sent, sent), run("diff", sent, refused)
    assert (same.returncode, same.stderr) == (0, b"")
    assert (other.returncode, other.stderr) == (1, b"")
    assert b"first difference" in other.stdout
    assert run("diff", "-", refused, given=sent.read_bytes()).returncode == 1


def test_diff_of_what_cannot_be_read_is_trouble(sent: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(sent.read_bytes()[:2000])
    assert run("diff", sent, cut).returncode == 2
    assert run("diff", sent).returncode == 2
    assert run("diff", sent, tmp_path / "none").returncode == 2


def test_a_reader_who_goes_away_is_not_complained_about(sent: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "smtpscope", "export", str(sent), "--as", "svg"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=write, stderr=subprocess.PIPE, timeout=60)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_full_disk_is_said(sent: Path) -> None:
    with open("/dev/full", "wb") as full:
        for words, code in ((["export", sent], 1), (["diff", sent, sent], 2)):
            command = [sys.executable, "-m", "smtpscope", *map(str, words)]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, timeout=60)
            assert done.returncode == code
            assert done.stderr == b"smtpscope: Standard output cannot be written: No space left on device.\n"
