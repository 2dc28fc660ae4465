"""WireLine: a prompt, a line of text and a hint, in one row: what is typed into it, and what becomes of that.

The text may be offered (a *ghost*, which Enter takes as it is), typed, pasted, recalled or completed, and masked.
Keys are handled as they come, none of them by a binding: Textual runs a binding only after the key has bubbled up to
the app, and by then the widget may have taken the keys typed after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import rich.repr
from textual import events
from textual.message import Message

from smtpscope_widgets.line_edit import LineEdit
from smtpscope_widgets.line_recall import Cycle, Walk
from smtpscope_widgets.line_view import LineView
from smtpscope_widgets.spans import cells

_LINE_END = re.compile(r"\r\n|\n|\r")
_MODIFIED = re.compile(r"(?:alt|ctrl|super|hyper|meta)\+")
_MOVES: Mapping[str, Callable[[LineEdit], None]] = {
    "left": LineEdit.left,
    "right": LineEdit.right,
    "home": LineEdit.home,
    "end": LineEdit.end,
    "ctrl+left": LineEdit.word_left,
    "ctrl+right": LineEdit.word_right,
}
_EDITS: Mapping[str, Callable[[LineEdit], None]] = {
    "backspace": LineEdit.backspace,
    "ctrl+h": LineEdit.backspace,  # what Backspace sends on some terminals
    "delete": LineEdit.delete,
    "ctrl+w": LineEdit.delete_word,
    "ctrl+u": LineEdit.clear,
    "ctrl+k": LineEdit.delete_to_end,
}
# Where the words of a masked text begin and end is a secret too.
_MASKED = {"ctrl+left": "home", "ctrl+right": "end", "ctrl+w": "ctrl+u"}


class WireLine(LineView, can_focus=True):
    """The line. While it has the focus every printable key is text; function and control keys it has no use for bubble.

    The owner sets ``history`` (oldest first, read when a walk begins) and ``complete``, which gets the text up to the
    cursor and gives what may stand in its place. ``allow_empty`` lets Enter submit an empty line.
    """

    KEYS: ClassVar[frozenset[str]] = frozenset({*_MOVES, *_EDITS, "enter", "escape", "up", "down", "tab", "shift+tab"})
    """The keys that mean something here, beside the printable ones."""

    class LineMessage(Message):
        """Something about ``line``."""

        def __init__(self, line: WireLine) -> None:
            super().__init__()
            self.line = line

        @property
        def control(self) -> WireLine:
            """The line it came from."""
            return self.line

    class TextMessage(LineMessage):
        """Something about a text, which a repr does not show if it was typed under a mask."""

        def __init__(self, line: WireLine, text: str) -> None:
            super().__init__(line)
            self.text = text
            self.masked = line.masked

        def __rich_repr__(self) -> rich.repr.Result:
            yield "masked", self.masked
            if not self.masked:
                yield "text", self.text

    class Submitted(TextMessage):
        """Enter. ``filled``: the text is what ``fill`` gave, never edited. The line is empty again."""

        def __init__(self, line: WireLine, text: str, filled: bool) -> None:
            super().__init__(line, text)
            self.filled = filled

    class Changed(TextMessage):
        """Another text or ghost; ``text`` is what Enter would submit."""

        def can_replace(self, message: Message) -> bool:
            """Only the last one counts."""
            return isinstance(message, WireLine.Changed) and message.line is self.line

    class Pasted(TextMessage):
        """Several lines were pasted: ``lines`` without their ends, ``text`` as it came. The line is as it was."""

        def __init__(self, line: WireLine, text: str, lines: tuple[str, ...]) -> None:
            super().__init__(line, text)
            self.lines = lines

    class Cancelled(LineMessage):
        """Esc, and there was no ghost to clear. The text is kept."""

    def __init__(self, *, ascii_only: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(ascii_only=ascii_only, id=id, classes=classes)
        self.history: Sequence[str] = ()
        self.complete: Callable[[str], Sequence[str]] | None = None
        self.allow_empty = False
        self._filled: str | None = None  # the text that ``fill`` gave, until it is edited
        self._walk: Walk | None = None
        self._told = ("", "")  # text and ghost, as the last Changed has said

    # What the owner says and asks

    @property
    def value(self) -> str:
        """The text that was typed, pasted, recalled or taken; a ghost covers it, but is no part of it."""
        return self._edit.text

    @property
    def cursor(self) -> int:
        """Where in ``value`` the next character goes."""
        return self._edit.cursor

    @property
    def ghost(self) -> str:
        """The text that is offered and not yet taken, empty if none."""
        return self._ghost

    @property
    def masked(self) -> bool:
        """Whether only signs are shown. No unmasking shows what was typed: it clears the line."""
        return self._masked

    @masked.setter
    def masked(self, masked: bool) -> None:
        if self._masked and not masked:
            self.clear()
        self._masked = masked
        self._walk = self._cycle = None
        self.refresh()

    def fill(self, text: str, cursor: int | None = None, key: str = "") -> None:
        """Offer ``text``: as a ghost, or with a ``cursor`` as text to go on with there.

        ``key`` is the letter that asked for it: a letter typed over the ghost comes after that one.
        """
        self._ghost, self._ghost_key = (text, key) if cursor is None else ("", "")
        if cursor is not None:
            self._edit.set(text, cursor)
            self._filled = text
        self._update()

    def set(self, text: str) -> None:
        """Another text, as if typed."""
        self._ghost, self._filled = "", None
        self._edit.set(text)
        self._update()

    def clear(self) -> None:
        """No text and no ghost."""
        self.set("")

    def insert(self, text: str) -> None:
        """Take keys that came in a burst: a line goes in at the cursor, several are said in ``Pasted``; none is sent.

        Over a ghost they come after its key, as typed ones do.
        """
        if self._ghost and text:
            self._edit.set(self._ghost_key)
            self._ghost = ""
        self._put(text)
        self._update()

    # Keys, paste and mouse

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Textual asks which keys are text here, so that a footer does not offer them."""
        return character is not None and character.isprintable()

    def on_key(self, event: events.Key) -> None:
        """Take the keys that are for this line; the others bubble."""
        if self._press(event.key, event.character or ""):
            event.stop()
            event.prevent_default()
            self._update()

    def on_paste(self, event: events.Paste) -> None:
        """One line goes in at the cursor, in the place of a ghost; several are the owner's to ask about."""
        event.stop()
        self._put(event.text)
        self._update()

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor; a ghost is taken for editing."""
        if (at := event.get_content_offset(self)) is not None:
            self._take()
            self._edit.move_to(self._row().place(at.x - cells([(self._lead(), "")]) + self._scroll))
            self._update()

    def on_focus(self) -> None:
        """The cursor is drawn."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor is not drawn."""
        self.refresh()

    def _press(self, key: str, character: str) -> bool:
        """Do what a key means; False if it means nothing here."""
        if self._masked:
            key = _MASKED.get(key, key)
        if key in _MOVES:
            if not (self._take() and key in ("right", "end")):
                _MOVES[key](self._edit)
        elif key in _EDITS:
            if self._ghost:
                self._ghost = ""
            else:
                _EDITS[key](self._edit)
        elif key in ("up", "down"):
            self._recall(-1 if key == "up" else 1)
        elif key == "tab" or (key == "shift+tab" and self._cycle):
            self._completed(1 if key == "tab" else -1)
        elif key == "enter":
            self._submit()
        elif key == "escape":
            self._escape()
        elif character.isprintable() and character and not _MODIFIED.match(key):
            self._type(character)
        else:
            return False
        return True

    def _type(self, character: str) -> None:
        if self._ghost:
            self._edit.set(self._ghost_key)
            self._ghost = ""
        self._edit.insert(character)

    def _put(self, text: str) -> None:
        lines = _LINE_END.split(text)
        if len(lines) > 1 and not lines[-1]:
            lines.pop()  # the end of the last line begins no other
        if len(lines) > 1:
            self.post_message(self.Pasted(self, text, tuple(lines)))
        elif lines[0]:
            if self._ghost:
                self._ghost = ""
                self._edit.clear()
            self._edit.insert(lines[0])

    def _take(self) -> bool:
        """Make a ghost the text; False if there is none."""
        if not self._ghost:
            return False
        self._edit.set(self._ghost)
        self._filled, self._ghost = self._ghost, ""
        return True

    def _submit(self) -> None:
        if self._ghost:
            self.post_message(self.Submitted(self, self._ghost, True))
            self._ghost = ""
        elif self._edit.text or self.allow_empty:
            self.post_message(self.Submitted(self, self._edit.text, self._filled is not None))
            self._edit.clear()
            self._filled = None

    def _escape(self) -> None:
        if self._ghost:
            self._ghost = ""
        else:
            self.post_message(self.Cancelled(self))

    def _recall(self, step: int) -> None:
        """Walk the lines of the history that begin as the typed text does."""
        if self._masked:
            return
        walk = self._walk or Walk.over(self.history, self._edit.text, self._ghost)
        if walk.step(step):
            self._edit.set(walk.text)
            self._ghost = walk.ghost
            self._walk = walk if walk.text != walk.draft else None

    def _completed(self, step: int) -> None:
        """Complete as far as the candidates agree, then show one after the other; a ghost is taken."""
        if self._masked or self._take() or not (self.complete or self._cycle):
            return
        cycle = self._cycle
        if cycle is None and self.complete:
            before, tail = self._edit.text[: self._edit.cursor], self._edit.text[self._edit.cursor :]
            cycle = Cycle.of(self.complete(before), before, tail)
        elif cycle:
            cycle.step(step)
        if cycle:
            self._edit.set(cycle.head + cycle.tail, len(cycle.head))
            self._cycle = cycle if len(cycle.candidates) > 1 else None  # after an only one, Tab goes on from there

    def _update(self) -> None:
        """After anything: drop what no longer holds, tell what has changed, draw."""
        edit, now = self._edit, (self._edit.text, self._ghost)
        if edit.text != self._filled:
            self._filled = None
        if self._walk and now != (self._walk.text, self._walk.ghost):
            self._walk = None
        if self._cycle and (*now, edit.cursor) != (self._cycle.head + self._cycle.tail, "", len(self._cycle.head)):
            self._cycle = None
        if now != self._told:
            self._told = now
            self.post_message(self.Changed(self, self._ghost or edit.text))
        self.refresh()
