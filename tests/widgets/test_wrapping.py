"""Text is broken at blanks, long words where a row is full, and nothing of it is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smtpscope_widgets.spans import Spans, cells, wrapped

_WORDS = st.text(alphabet="ab漢é .", max_size=40)


def texts(lines: list[Spans]) -> list[str]:
    return ["".join(text for text, _ in line) for line in lines]


@given(st.lists(st.tuples(_WORDS, st.sampled_from(["text", "dim"])), max_size=4), st.integers(2, 20))
def test_no_line_is_too_long_and_nothing_but_blanks_is_lost(spans: Spans, width: int) -> None:
    lines = wrapped(spans, width)
    assert all(cells(line) <= width for line in lines)
    whole = "".join(text for text, _ in spans)
    assert "".join(texts(lines)).replace(" ", "") == whole.replace(" ", "")


def test_a_word_that_fits_goes_to_the_next_line_whole() -> None:
    assert texts(wrapped([("see the page", "text")], 9)) == ["see the", "page"]


def test_a_word_that_no_line_has_room_for_is_broken_where_it_begins() -> None:
    assert texts(wrapped([("= ", "dim"), ("r=abcdefghijklmnop,s=1", "text")], 12)) == ["= r=abcdefgh", "ijklmnop,s=1"]


def test_where_little_room_is_left_it_begins_in_a_line_of_its_own() -> None:
    assert texts(wrapped([("standing at https://example.org", "text")], 13)) == [
        "standing at",
        "https://examp",
        "le.org",
    ]
