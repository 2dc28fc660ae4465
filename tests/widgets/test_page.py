"""Paragraphs are wrapped so that nothing of them is behind the scrollbar."""

from __future__ import annotations

from textual.app import App, ComposeResult

from smtpscope_widgets.page import Page, Paragraph

WORDS = "as long as a row of this page, no more"


class OnePage(App[None]):
    """A page of 38 columns and 6 rows."""

    CSS = "Page { width: 40; height: 6; padding: 0 1; }"

    def compose(self) -> ComposeResult:
        """It alone."""
        yield Page()


async def test_no_letter_is_behind_a_scrollbar_that_comes() -> None:
    assert len(WORDS) == 38
    app = OnePage()
    async with app.run_test() as pilot:
        page = app.query_one(Page)
        for count, rows in ((1, [WORDS]), (20, [WORDS.removesuffix(" more"), "more"] * 20), (6, [WORDS] * 6)):
            page.show([Paragraph([(WORDS, "text")])] * count)
            await pilot.pause()
            assert page.text.split("\n") == rows
            assert page.show_vertical_scrollbar is (count == 20)
