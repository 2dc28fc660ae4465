"""Kinds of text have the colours of the theme in force."""

from __future__ import annotations

from textual.app import App, ComposeResult

from smtpscope_widgets.page import Page, Paragraph
from smtpscope_widgets.text_rows import TextRows


class Kinds(App[None]):
    def compose(self) -> ComposeResult:
        yield TextRows()
        yield Page()

    def on_mount(self) -> None:
        self.query_one(TextRows).show([[("well", "good"), ("plain", "text")]])
        self.query_one(Page).show([Paragraph([("badly", "bad")])])

    def colours(self) -> dict[str, object]:
        """Of each word as it is drawn."""
        widgets = (self.query_one(TextRows), self.query_one(Page))
        segments = [segment for widget in widgets for segment in widget.render_line(0)]
        return {segment.text: segment.style.color for segment in segments if segment.style}


async def test_another_theme_gives_what_is_there_its_colours() -> None:
    app = Kinds()
    async with app.run_test(size=(20, 5)) as pilot:
        before = app.colours()
        assert len(set(map(str, before.values()))) == 3
        app.theme = "textual-light"
        await pilot.pause()
        after = app.colours()
        assert [word for word in before if before[word] == after[word]] == []
