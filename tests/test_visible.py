"""Foreign bytes shown: nothing reaches a terminal that it could act on, and no byte is lost on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from smtpscope.visible import escape, recover, safe, unescape, visible, visible_text

ODD = [0x00, 0x07, 0x09, 0x0D, 0x1B, 0x7F, 0x85, 0x9B, 0xAD, 0x200B, 0x200D, 0x200F, 0x2028, 0x202E, 0x2066, 0xFEFF]
ODD += [0x301, 0x34F, 0x61C, 0x1161, 0x11A8, 0x3164, 0xFE0F, 0x1F3FD, 0x1F468, 0x4E00, 0xE000, 0x10FFFF, 0x4DC0]
hostile_text = st.lists(st.one_of(st.sampled_from(ODD).map(chr), st.characters(codec="utf-8"))).map("".join)
some_bytes = st.one_of(
    st.binary(),
    hostile_text.map(str.encode),
    st.lists(st.one_of(st.binary(max_size=3), hostile_text.map(str.encode))).map(b"".join),
)
any_text = st.text(st.characters())  # with lone surrogates


@pytest.mark.parametrize(
    ("data", "spans"),
    [
        (b"250 Ok", [("250 Ok", "text")]),
        (b"", []),
        (b"250 Ok\r\n", [("250 Ok", "text"), ("\\r\\n", "control")]),
        (b"a\0\tb", [("a", "text"), ("\\0\\t", "control"), ("b", "text")]),
        (b"\x1b]0;PWNED\x07", [("\\x1b", "control"), ("]0;PWNED", "text"), ("\\x07", "control")]),
        (b"\x7f", [("\\x7f", "control")]),
        (b"\\r", [("\\r", "text")]),
        ("é 日本".encode(), [("é 日本", "text")]),
        (b"\xe9t\xe9", [("\\xe9", "control"), ("t", "text"), ("\\xe9", "control")]),
        (b"\xe6\x97", [("\\xe6\\x97", "control")]),
        (b"\xed\xa0\x80", [("\\xed\\xa0\\x80", "control")]),
        (b"\xc0\x80", [("\\xc0\\x80", "control")]),
        ("\x9b31m".encode(), [("<U+009B>", "control"), ("31m", "text")]),
        ("a\u202egpj.exe".encode(), [("a", "text"), ("<U+202E>", "control"), ("gpj.exe", "text")]),
        ("\u200b\ufeff\u2028\xa0".encode(), [("<U+200B><U+FEFF><U+2028><U+00A0>", "control")]),
        ("\ue000".encode(), [("<U+E000>", "control")]),
        (b"<U+202E>", [("<U+202E>", "text")]),
        ("e\u0301".encode(), [("e\u0301", "text")]),
        ("\u0301e".encode(), [("<U+0301>", "control"), ("e", "text")]),
        ("\r\u0301".encode(), [("\\r<U+0301>", "control")]),
        ("e\u0301\u0301\u0301\u0301\u0301".encode(), [("e\u0301\u0301\u0301\u0301", "text"), ("<U+0301>", "control")]),
        (
            "\u115f\u3164\u2764\ufe0f".encode(),
            [("<U+115F><U+3164>", "control"), ("❤", "text"), ("<U+FE0F>", "control")],
        ),
    ],
)
def test_what_is_shown(data: bytes, spans: list[tuple[str, str]]) -> None:
    assert visible(data) == spans


@given(some_bytes)
def test_every_character_is_printable_and_every_byte_comes_back(data: bytes) -> None:
    spans = visible(data)
    assert all(text.isprintable() and text for text, _ in spans)
    assert recover(spans) == data


@given(some_bytes, st.integers(0, 60))
def test_a_cut_keeps_its_limit_and_says_how_much_is_missing(data: bytes, limit: int) -> None:
    spans = visible(data, limit=limit)
    shown = "".join(text for text, _ in spans)
    assert shown.isprintable()
    assert cell_len(shown) <= limit
    kept = recover(spans)
    assert data.startswith(kept)
    if kept == data:
        assert spans == visible(data)
    elif limit >= 20:
        missing = len(data) - len(kept)
        assert spans[-1] == (f" +{missing:,} byte{'s' * (missing > 1)}", "more")


def test_a_cut_uses_the_room_it_has() -> None:
    assert visible(b"x" * 2000, limit=20) == [("x" * 7, "text"), (" +1,993 bytes", "more")]
    assert visible(b"x" * 20, limit=20) == [("x" * 20, "text")]
    assert visible(b"abc", limit=2) == [("+", "more")]
    assert visible("日本語".encode(), limit=6) == [("日本語", "text")]


def test_a_cut_of_a_flood_reads_only_its_beginning() -> None:
    flood = b"\x00" * (64 << 20)
    assert visible(flood, limit=80)[-1][1] == "more"


@given(hostile_text)
def test_marks_never_stack_without_end(text: str) -> None:
    marks = 0
    for shown, kind in visible(text.encode()):
        for char in shown:
            marks = marks + 1 if kind == "text" and cell_len(char) == 0 else 0
            assert marks <= 4


@given(any_text)
def test_a_foreign_string_is_safe_and_stays_so(text: str) -> None:
    shown = safe(text)
    assert shown.isprintable()
    shown.encode()
    assert safe(shown) == shown


def test_a_file_name_that_is_no_utf8_shows_its_bytes() -> None:
    assert safe("mail-\udcff.txt") == "mail-\\xff.txt"
    assert safe("\ud800") == "\\xed\\xa0\\x80"
    assert visible_text(b"a\rb") == visible_text("a\rb") == "a\\rb"


@pytest.mark.parametrize(
    ("typed", "data"),
    [
        (r"NOOP\r\nQUIT", b"NOOP\r\nQUIT"),
        (r"\0\x00\xfF\xFf", b"\0\0\xff\xff"),
        (r"DOMAIN\user", b"DOMAIN\\user"),
        (r"a\\r", b"a\\r"),
        (r"\t\x1\xg0\R", rb"\t\x1\xg0\R"),
        ("\\", b"\\"),
        (r"\0012", b"\x00012"),
        ("é", b"\xc3\xa9"),
        ("\udcff\ud800", b"\xff\xed\xa0\x80"),
    ],
)
def test_what_a_typed_line_means(typed: str, data: bytes) -> None:
    assert unescape(typed) == data


@given(some_bytes)
def test_an_escaped_line_means_its_bytes(data: bytes) -> None:
    line = escape(data)
    assert line.isprintable()
    assert unescape(line) == data


@given(any_text)
def test_any_typed_line_means_something(text: str) -> None:
    assert isinstance(unescape(text), bytes)


def test_an_escaped_line_reads_well() -> None:
    assert escape(b"AUTH DOMAIN\\bob\0\t\r\n") == r"AUTH DOMAIN\\bob\0\x09\r\n"
