"""Places in rows of different heights, held against the plain way: every line of every row counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smtpscope_widgets.places import FIRST, Place, back, end, forth, in_view, moved

HEIGHTS = st.lists(st.integers(1, 9), min_size=1, max_size=30)


def lines_of(heights: list[int]) -> list[Place]:
    return [Place(row, line) for row, height in enumerate(heights) for line in range(height)]


@given(HEIGHTS, st.integers(0, 300), st.integers(-300, 300))
def test_moving_by_lines_is_counting_lines(heights: list[int], start: int, by: int) -> None:
    lines = lines_of(heights)
    start %= len(lines)
    found = moved(lines[start], by, len(heights), heights.__getitem__)
    assert found == lines[max(0, min(len(lines) - 1, start + by))]


@given(HEIGHTS, st.integers(0, 40))
def test_at_the_end_the_last_line_is_the_last_in_view(heights: list[int], height: int) -> None:
    lines = lines_of(heights)
    begin = end(len(heights), height, heights.__getitem__)
    shown = in_view(begin, len(heights), height, heights.__getitem__)
    assert shown == lines[-height:] if height else not shown


@given(HEIGHTS, st.integers(0, 300), st.integers(0, 40))
def test_what_is_in_view_is_line_after_line(heights: list[int], start: int, height: int) -> None:
    lines = lines_of(heights)
    start %= len(lines)
    assert in_view(lines[start], len(heights), height, heights.__getitem__) == lines[start : start + height]


def test_only_rows_near_the_view_are_measured() -> None:
    asked: set[int] = set()

    def height(row: int) -> int:
        asked.add(row)
        return 1 + row % 4

    rows = 1_000_000
    place = end(rows, 50, height)
    place = back(place, 50, height)
    in_view(place, rows, 50, height)
    forth(Place(500_000), 50, rows, height)
    assert len(asked) < 200


def test_there_may_be_nothing() -> None:
    def never(row: int) -> int:
        raise AssertionError(row)

    assert end(0, 10, never) == FIRST
    assert in_view(FIRST, 0, 10, never) == []
