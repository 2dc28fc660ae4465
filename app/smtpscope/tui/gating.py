"""Keys pass a gate first: one by one they are keys, many at once are text."""

from __future__ import annotations

import time

from textual import events
from textual.widgets import Input

from smtpscope.tui.keys import BURST_GAP
from smtpscope.tui.revealing import Revealing


class Gating(Revealing):
    """What comes from the keyboard, before it is anybody's."""

    pressed = -1.0
    """When the last key came, by the monotonic clock."""
    news: str

    async def on_event(self, event: events.Event) -> None:
        """Keys pass the gate first."""
        if isinstance(event, events.Key) and not event.is_forwarded and not getattr(event, "let_go", False):
            self.pressed = time.monotonic()
            self.gate.key(event)
            self.set_timer(BURST_GAP, self._let_go)
            return
        await super().on_event(event)

    def _let_go(self) -> None:
        if self.gate.ripe():
            self.gate.let_go()
        elif self.gate.holding:
            self.set_timer(BURST_GAP, self._let_go)  # the timer was early: no key is held for ever

    def _one_key(self, key: events.Key) -> None:
        if self.hide_again():
            return
        key.let_go = True  # type: ignore[attr-defined]
        if self.news:
            self.say("")
        self.post_message(key)

    def _burst(self, text: str) -> None:
        """Many keys at once are text, behind the keys that came before them."""
        self.call_later(self._insert, text)

    def _insert(self, text: str) -> None:
        """Text for the line, or for the palette's; it sends nothing."""
        if self.hide_again():
            return
        if isinstance(self.focused, Input):
            self.focused.call_later(self.focused.insert_text_at_cursor, " ".join(text.split()))
            return
        self.focus_line()
        self.main.line.call_later(self.main.line.insert, text)

    def on_paste(self, event: events.Paste) -> None:
        """A paste that nobody took is for the line."""
        self._insert(event.text)
