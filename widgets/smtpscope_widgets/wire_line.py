"""WireLine: a prompt, a line of text and a hint, in one row.

The text may be offered (a *ghost*, which Enter takes as it is), typed, pasted, recalled or completed, and masked.
Keys are handled as they come, none of them by a binding: Textual runs a binding only after the key has bubbled up to
the app, and by then the widget may have taken the keys typed after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import rich.repr
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Offset
from textual.message import Message
from textual.reactive import reactive
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from smtpscope_widgets.line_edit import LineEdit, Row, glyphs
from smtpscope_widgets.line_recall import Cycle, Walk
from smtpscope_widgets.spans import cells, cut, wall

_PARTS = ("prompt", "text", "ghost", "control", "cursor", "more", "legal", "out", "impossible", "note")
_LINE_END = re.compile(r"\r\n|\n|\r")
_MODIFIED = re.compile(r"(?:alt|ctrl|super|hyper|meta)\+")
_ROOM = 16
"""Cells that the hint leaves to the text."""
_SHORTEST_HINT = 4
_SHORT_HINT = 14
"""Cells of a hint that even a long text does not take."""

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


class WireLine(Widget, can_focus=True):
    """The line. While it has the focus every printable key is text; function and control keys it has no use for bubble.

    The owner sets ``history`` (oldest first, read when a walk begins) and ``complete``, which gets the text up to the
    cursor and gives what may stand in its place. ``allow_empty`` lets Enter submit an empty line.
    """

    KEYS: ClassVar[frozenset[str]] = frozenset({*_MOVES, *_EDITS, "enter", "escape", "up", "down", "tab", "shift+tab"})
    """The keys that mean something here, beside the printable ones."""
    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"wire-line--{part}" for part in _PARTS}
    DEFAULT_CSS = """
    WireLine {
        height: 1;
        & > .wire-line--prompt { text-style: bold; }
        & > .wire-line--text { text-style: none; }
        & > .wire-line--ghost { text-style: dim underline; }
        & > .wire-line--control { color: $text-warning; text-style: underline; }
        & > .wire-line--cursor { text-style: reverse; }
        & > .wire-line--more { text-style: dim; }
        & > .wire-line--legal { color: $text-success; }
        & > .wire-line--out { color: $text-warning; text-style: bold; }
        & > .wire-line--impossible { color: $text-error; text-style: bold; }
        & > .wire-line--note { text-style: dim; }
    }
    """

    prompt: reactive[str] = reactive(">")
    hint: reactive[str] = reactive("")
    hint_kind: reactive[str] = reactive("note")
    """``legal``, ``out``, ``impossible`` or ``note``."""
    ascii_only: reactive[bool] = reactive(False)

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
        super().__init__(id=id, classes=classes)
        self.set_reactive(WireLine.ascii_only, ascii_only)
        self.history: Sequence[str] = ()
        self.complete: Callable[[str], Sequence[str]] | None = None
        self.allow_empty = False
        self._masked = False
        self._edit = LineEdit()
        self._ghost = ""
        self._ghost_key = ""
        self._filled: str | None = None  # the text that ``fill`` gave, until it is edited
        self._walk: Walk | None = None
        self._cycle: Cycle | None = None
        self._told = ("", "")  # text and ghost, as the last Changed has said
        self._scroll = 0  # cells of the text that are left of the view

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

    # Drawing

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Nothing: the text may be masked."""
        return None

    def render_line(self, y: int) -> Strip:
        """The row; only the first has anything in it."""
        width = self.size.width
        if y or not width:
            return Strip.blank(width, self.rich_style)
        row, at = self._row(), self._ghost_cursor() if self._ghost else self._edit.cursor
        total = row.columns[-1]
        lead = self._lead()
        taken = cells([(lead, "")])
        hint = self._shown_hint(width - taken - 2, total + 1)
        room = max(1, width - taken - 1 - (cells([(hint, "")]) + 1 if hint else 0))
        x, wide = row.cell(at)
        self._scroll = max(x + wide - room, min(self._scroll, x, max(0, total + 1 - room)))
        marks = "<>" if self.ascii_only else "……"
        left = marks[0] if self._scroll else " "
        right = marks[1] if total > self._scroll + room else " "
        if self.has_focus:  # where an input method opens
            self.app.cursor_position = self.content_region.offset + Offset(taken + x - self._scroll, 0)
        more, kind = self._style("more"), "note" if self._cycle else self.hint_kind
        segments = [Segment(lead[:-1], self._style("prompt")), Segment(left, more)]
        segments += [*self._text(row, at, room), Segment(right, more)]
        if hint:
            segments += [Segment(" "), Segment(hint, self._style(kind if kind in _PARTS else "note"))]
        return Strip(segments).crop_extend(0, width, None).apply_style(self.rich_style)

    def _row(self) -> Row:
        mask = ("*" if self.ascii_only else "•") if self._masked else ""
        return Row(glyphs(self._ghost or self._edit.text, mask=mask, ascii_only=self.ascii_only))

    def _ghost_cursor(self) -> int:
        """Where a letter typed over the ghost would stand."""
        key = self._ghost_key
        return len(key) if key and self._ghost.casefold().startswith(key.casefold()) else 0

    def _text(self, row: Row, at: int, room: int) -> Strip:
        """What is in view of the text, and of the cell behind it that the cursor may be in."""
        base = self._style("ghost" if self._ghost else "text")
        control = base + self._style("control")
        cursor = self._style("cursor") if self.has_focus else Style.null()
        shown, column = row.between(self._scroll, self._scroll + room)
        segments = []
        for glyph in shown:
            style = control if glyph.symbol else base
            segments.append(Segment(glyph.shown, style + cursor if glyph.start == at else style))
        segments.append(Segment(" ", cursor if at == row.end else None))  # cut off if it is not in view
        return Strip(segments).crop_extend(self._scroll - column, self._scroll - column + room, None)

    def _lead(self) -> str:
        """The prompt with a blank on both sides, in a narrow line cut to half of it."""
        room = max(0, self.size.width // 2 - 2)
        return f" {''.join(text for text, _ in cut([(wall(self.prompt), '')], room, ''))} "

    def _shown_hint(self, room: int, text: int) -> str:
        """The hint, or what a completion says in its place, as far as there is room beside so many cells of text."""
        room -= max(_ROOM, min(text, room - _SHORT_HINT))
        hint = wall(self._cycle.says if self._cycle else self.hint)
        shown = cut([(hint, "")], room, "..." if self.ascii_only else "…")
        return "".join(text for text, _ in shown) if room >= _SHORTEST_HINT else ""

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"wire-line--{name}", partial=True)
