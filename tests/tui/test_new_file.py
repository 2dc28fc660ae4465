"""What the ``:`` line writes goes into a new file, whole, or nowhere."""

from __future__ import annotations

from pathlib import Path

from smtpscope.tui.new_file import written


def test_octets_that_are_no_utf_8_are_written_as_they_came(tmp_path: Path) -> None:
    path = tmp_path / "export.txt"
    assert written("250 \udcfc\n", path) == f"wrote 1 line to {path}"
    assert path.read_bytes() == b"250 \xfc\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "export.txt"
    path.write_text("mine")
    assert "is there already" in written("other", path)
    assert path.read_text() == "mine"
