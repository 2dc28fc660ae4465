"""A page over the whole screen, with a heading: what a comparison and a variation are shown on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from smtpscope.visible import Spans
from smtpscope_widgets.page import Page, Paragraph
from smtpscope_widgets.text_rows import TextRows

T = TypeVar("T")


class Sheet(ModalScreen[T | None]):
    """Made anew for each width; Esc closes it."""

    DEFAULT_CSS = """
    Sheet {
        & > Vertical { width: 100%; height: 100%; background: $background; }
        & TextRows { background: $panel; }
        & Page { height: 1fr; padding: 0 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss", show=False)]

    def __init__(self, title: str, keys: Sequence[tuple[str, str]], *, ascii_only: bool) -> None:
        """``keys`` are named beside the title, with what they do."""
        super().__init__()
        self._head: Spans = [(f" {title}  ", "strong")]
        for key, does in (*keys, ("Esc", "closes")):
            self._head += [(key, "key"), (f" {does}  ", "dim")]
        self._top = TextRows(ascii_only=ascii_only)
        self.page = Page(ascii_only=ascii_only)

    def compose(self) -> ComposeResult:
        """The heading and the page."""
        self._top.show([self._head])
        with Vertical():
            yield self._top
            yield self.page

    def on_mount(self) -> None:
        """Keys are the page's."""
        self.page.focus()

    def on_resize(self, event: events.Resize) -> None:
        """The page in this width."""
        self.page.show(self.paragraphs(event.size.width - 2 - self.page.scrollbar_size_vertical))

    def say(self, news: str) -> None:
        """Tell something, in a row of its own beneath the heading."""
        self._top.styles.height = 2
        self._top.show([self._head, [(f" {news}", "text")]])

    @abstractmethod
    def paragraphs(self, width: int) -> list[Paragraph]:
        """What the page says in so many cells."""
