"""The editing buffer against a model that cannot be wrong: a list of glyphs before the cursor, and one behind it."""

from __future__ import annotations

import string
from collections.abc import Callable

from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from smtpscope_widgets.line_edit import LineEdit, glyphs

ANY = st.text(st.sampled_from("ab_ .<>@é日\u0301\u200d\ufe0f\x1b\x00\udcff\u115f👍\U0001f3fd"), max_size=12)
SIMPLE = st.text(st.sampled_from("ab_ .<>@é日"), max_size=8)

KEYS: dict[str, Callable[[LineEdit], None]] = {
    "left": LineEdit.left,
    "right": LineEdit.right,
    "home": LineEdit.home,
    "end": LineEdit.end,
    "word left": LineEdit.word_left,
    "word right": LineEdit.word_right,
    "backspace": LineEdit.backspace,
    "delete": LineEdit.delete,
    "delete word": LineEdit.delete_word,
    "delete to end": LineEdit.delete_to_end,
    "clear": LineEdit.clear,
}


class Model:
    """Two stacks of characters, for texts whose glyphs are characters."""

    def __init__(self) -> None:
        self.before: list[str] = []
        self.behind: list[str] = []  # the next one last

    def insert(self, text: str) -> None:
        self.before += text

    def press(self, key: str) -> None:
        if key == "left" and self.before:
            self.behind.append(self.before.pop())
        elif key == "right" and self.behind:
            self.before.append(self.behind.pop())
        elif key == "backspace" and self.before:
            self.before.pop()
        elif key == "delete" and self.behind:
            self.behind.pop()
        elif key in ("home", "word left", "delete word", "clear"):
            words = key in ("word left", "delete word")
            taken = self.while_words(self.before) if words else self.before[::-1]
            del self.before[len(self.before) - len(taken) :]
            if key in ("home", "word left"):
                self.behind += taken
        elif key in ("end", "word right"):
            taken = self.while_words(self.behind) if key == "word right" else self.behind[::-1]
            del self.behind[len(self.behind) - len(taken) :]
            self.before += taken
        if key in ("delete to end", "clear"):
            self.behind.clear()

    @staticmethod
    def while_words(stack: list[str]) -> list[str]:
        """The characters on top of the stack up to the far end of a word, the top first."""
        taken: list[str] = []
        for char in reversed(stack):
            separates = char in set(string.punctuation + " ") - {"_"}
            if separates and taken and taken[-1] not in " .<>@":
                break
            taken.append(char)
        return taken


@given(st.lists(st.one_of(st.sampled_from(sorted(KEYS)), SIMPLE.map(lambda text: f"+{text}"))))
@example(["+one.two", "word left", "backspace", "delete word", "+x y", "home", "word right", "word right"])
def test_the_buffer_does_what_the_model_does(keys: list[str]) -> None:
    edit, model = LineEdit(), Model()
    for key in keys:
        if key.startswith("+"):
            edit.insert(key[1:])
            model.insert(key[1:])
        else:
            KEYS[key](edit)
            model.press(key)
        assert (edit.text[: edit.cursor], edit.text[edit.cursor :]) == (
            "".join(model.before),
            "".join(reversed(model.behind)),
        )


@given(st.lists(st.one_of(st.sampled_from(sorted(KEYS)), ANY.map(lambda text: f"+{text}"), st.integers(-2, 30))))
def test_with_any_text_the_cursor_is_between_glyphs_and_nothing_else_is_touched(keys: list[str | int]) -> None:
    edit = LineEdit()
    for key in keys:
        before, behind = edit.text[: edit.cursor], edit.text[edit.cursor :]
        if isinstance(key, int):
            edit.move_to(key)
        elif key.startswith("+"):
            edit.insert(key[1:])
            assert edit.text == before + key[1:] + behind
        else:
            KEYS[key](edit)
            if key in ("backspace", "delete word"):
                assert before.startswith(edit.text[: len(edit.text) - len(behind)])
                assert edit.text.endswith(behind)
            elif key in ("delete", "delete to end"):
                assert edit.text.startswith(before)
                assert behind.endswith(edit.text[len(before) :])
            elif key == "clear":
                assert edit.text == ""
            else:
                assert edit.text == before + behind
        assert edit.cursor in {0, *(glyph.end for glyph in glyphs(edit.text))}


@given(st.one_of(st.text(), ANY), st.sampled_from(["", "•"]), st.booleans())
def test_glyphs_cover_any_text_and_are_as_wide_as_they_say(text: str, mask: str, ascii_only: bool) -> None:
    found = list(glyphs(text, mask=mask, ascii_only=ascii_only))
    assert "".join(text[glyph.start : glyph.end] for glyph in found) == text
    assert all(glyph.start < glyph.end for glyph in found)
    drawn = "".join(glyph.shown for glyph in found)
    assert drawn.isprintable()
    assert cell_len(drawn) == sum(glyph.cells for glyph in found)
    assert all(1 <= glyph.cells <= 2 and len(glyph.shown) <= 5 for glyph in found)
    assert not mask or set(drawn) <= {mask}


def test_a_step_left_undoes_a_step_right() -> None:
    edit = LineEdit("xe\u0301日\x1b\u0301y" + "\u0301" * 9)
    edit.home()
    places = [edit.cursor]
    while edit.cursor < len(edit.text):
        edit.right()
        places.append(edit.cursor)
    for place in reversed(places):
        assert edit.cursor == place
        edit.left()
