"""The reply reader: total, bounded, the same however the octets were cut, and nothing odd goes unnamed."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtpscope.smtp.reply import MAX_LINE, MAX_REPLY, Defect, Reply, ReplyReader

D = Defect


def read(*pieces: bytes) -> tuple[list[Reply], bytes]:
    reader = ReplyReader()
    return [reply for piece in pieces for reply in reader.feed(piece)], reader.held


def one(data: bytes) -> Reply:
    replies, held = read(data)
    assert len(replies) == 1
    assert held == b""
    return replies[0]


# -- what a line is

ACCEPTED = [  # line, code, text
    (b"250 ok", 250, "ok"),
    (b"250", 250, ""),
    (b"250 ", 250, ""),
    (b"250  two", 250, " two"),
    (b"250 -", 250, "-"),
    (b"200 a", 200, "a"),
    (b"599 z", 599, "z"),
    (b"250 \xc3\xa9", 250, "é"),
    (b"250 a\tb", 250, "a\tb"),
]
OUT_OF_RANGE = [(b"000 x", 0), (b"100 x", 100), (b"199 x", 199), (b"600 x", 600), (b"999 x", 999)]
NO_CODE = [
    b"25 ok", b"2500 ok", b"-25 ok", b"+25 ok", b"2_5 ok", b" 250", b" 250 ok", b"250ok", b"250_ok", b"250\tok",
    b"2 0 ok", b"2.5 ok", b"", b"ok", b"SSH-2.0-OpenSSH_9.9", b"\xb2\xb5\xb0 ok", "２５０ ok".encode(), b"25", b"+OK",
]  # fmt: skip


@pytest.mark.parametrize(("line", "code", "text"), ACCEPTED)
def test_a_healthy_line_is_a_reply_without_defects(line: bytes, code: int, text: str) -> None:
    reply = one(line + b"\r\n")
    assert (reply.code, reply.lines, reply.defects, reply.raw) == (code, (text,), (), line + b"\r\n")


@pytest.mark.parametrize(("line", "code"), OUT_OF_RANGE)
def test_a_code_outside_200_to_599_is_kept_and_named(line: bytes, code: int) -> None:
    reply = one(line + b"\r\n")
    assert (reply.code, reply.defects) == (code, (D.CODE_OUT_OF_RANGE,))


@pytest.mark.parametrize("line", NO_CODE)
def test_what_does_not_begin_with_a_code_has_none(line: bytes) -> None:
    reply = one(line + b"\r\n")
    assert reply.code is None
    assert reply.kind == 0
    assert not reply.positive
    assert D.NO_CODE in reply.defects
    assert reply.raw == line + b"\r\n"


def test_several_lines_are_one_reply() -> None:
    reply = one(b"250-mail.test\r\n250-\r\n250-SIZE 1000\r\n250 HELP\r\n")
    assert reply.lines == ("mail.test", "", "SIZE 1000", "HELP")
    assert reply.text == "mail.test\n\nSIZE 1000\nHELP"
    assert (reply.code, reply.kind, reply.positive, reply.defects) == (250, 2, True, ())


def test_a_reply_may_end_in_a_bare_code() -> None:
    assert one(b"250-a\r\n250\r\n").lines == ("a", "")


# -- what is odd

DEFECTS = [
    (D.NO_CODE, b"hello\r\n", None, ("hello",)),
    (D.CODE_OUT_OF_RANGE, b"700 x\r\n", 700, ("x",)),
    (D.MIXED_CODES, b"250-a\r\n550 b\r\n", 550, ("a", "b")),
    (D.NO_CODE_INSIDE, b"250-a\r\noops\r\n250 b\r\n", 250, ("a", "oops", "b")),
    (D.BARE_LF, b"250 ok\n", 250, ("ok",)),
    (D.BARE_CR, b"250 a\rb\r\n", 250, ("a\rb",)),
    (D.BARE_CR, b"250 ok\r\r\n", 250, ("ok\r",)),
    (D.LONG_LINE, b"250 " + b"a" * 507 + b"\r\n", 250, ("a" * 507,)),
    (D.UNDECODABLE, b"250 caf\xe9\r\n", 250, ("caf\\xe9",)),
    (D.NUL, b"250 a\0b\r\n", 250, ("a\0b",)),
    (D.CONTROL, b"250 \x1b[2J\r\n", 250, ("\x1b[2J",)),
    (D.CONTROL, b"250 \x7f\r\n", 250, ("\x7f",)),
    (D.CONTROL, b"250 \xc2\x9b2J\r\n", 250, ("\x9b2J",)),
    (D.ENHANCED_MISMATCH, b"250 5.1.1 hm\r\n", 250, ("5.1.1 hm",)),
]


@pytest.mark.parametrize(("defect", "data", "code", "lines"), DEFECTS, ids=lambda value: getattr(value, "name", ""))
def test_each_defect_is_named_and_nothing_is_repaired(
    defect: Defect, data: bytes, code: int | None, lines: tuple[str, ...]
) -> None:
    reply = one(data)
    assert reply.defects == (defect,)
    assert (reply.code, reply.lines, reply.raw) == (code, lines, data)


def test_every_defect_has_its_example() -> None:
    assert {defect for defect, *_ in DEFECTS} == set(Defect) - {D.CUT_LINE, D.CUT_REPLY}  # these two are below


def test_the_line_limit_counts_the_line_end() -> None:
    assert one(b"250 " + b"a" * 506 + b"\r\n").defects == ()


def test_a_cr_alone_ends_no_line() -> None:
    assert read(b"250 ok\r") == ([], b"250 ok\r")
    assert read(b"250 a\r250 b\r") == ([], b"250 a\r250 b\r")


def test_garbage_between_replies_does_not_touch_them() -> None:
    replies, held = read(b"250 a\r\n???\r\n\r\n354 b\r\n25")
    assert [reply.code for reply in replies] == [250, None, None, 354]
    assert held == b"25"
    assert replies[3].defects == ()


def test_garbage_inside_a_reply_belongs_to_it() -> None:
    reply = one(b"250-a\r\n\r\nSSH\r\n250 b\r\n")
    assert reply.lines == ("a", "", "SSH", "b")


# -- enhanced status codes (RFC 3463)

ENHANCED = [
    (b"250 2.1.5 ok", "2.1.5"),
    (b"550 5.1.1", "5.1.1"),
    (b"450 4.123.999\tx", "4.123.999"),
    (b"550-5.7.1 no\r\n550 5.7.1 no", "5.7.1"),
    (b"250 3.0.0 no such class", None),
    (b"250 2.1 ok", None),
    (b"250 2.1.5.6 ok", None),
    (b"250 2.1.5ok", None),
    (b"250 2.1234.5 ok", None),
    (b"250  2.1.5 ok", None),
    (b"250 mail 2.1.5", None),
    (b"2.1.5 ok", None),
]


@pytest.mark.parametrize(("line", "enhanced"), ENHANCED)
def test_the_enhanced_status_code_is_read_where_it_stands(line: bytes, enhanced: str | None) -> None:
    assert one(line + b"\r\n").enhanced == enhanced


# -- bounds


def test_pieces_of_an_over_long_line_never_pass_for_a_reply() -> None:
    piece = b"250 " + b"a" * (MAX_LINE - 4)
    replies, held = read(piece, b"250 this is the rest of it\r\n", b"250 ok\r\n")
    assert [reply.code for reply in replies] == [None, None, 250]
    assert [reply.defects for reply in replies] == [(D.CUT_LINE,), (D.CUT_LINE,), ()]
    assert b"".join(reply.raw for reply in replies) + held == piece + b"250 this is the rest of it\r\n250 ok\r\n"


def test_an_over_long_line_inside_a_reply_stays_inside() -> None:
    reply = one(b"250-a\r\n250-" + b"b" * MAX_LINE + b"\r\n250 c\r\n")
    assert reply.code == 250
    assert reply.defects == (D.CUT_LINE,)
    assert reply.lines == ("a", "250-" + "b" * (MAX_LINE - 4), "b" * 4, "c")


def test_a_line_of_exactly_the_limit_is_whole() -> None:
    assert one(b"250 " + b"a" * (MAX_LINE - 5) + b"\n").code == 250


def test_a_reply_without_end_is_given_out_in_parts() -> None:
    line = b"250-" + b"a" * 1018 + b"\r\n"
    data = line * (2 * MAX_REPLY // len(line)) + b"250 end\r\n"
    replies, held = read(data)
    assert [reply.code for reply in replies] == [None, None, 250]
    assert [D.CUT_REPLY in reply.defects for reply in replies] == [True, True, False]
    assert b"".join(reply.raw for reply in replies) + held == data


FLOODS = {
    "no line end": b"a" * 65536,
    "long lines": b"250-" + b"a" * 60000 + b"\r\n",
    "garbage lines": b"garbage, a line of it\r\n" * 2000,
    "short lines": b"250-\n" * 10000,
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_what_is_held_is_bounded(flood: bytes) -> None:
    reader = ReplyReader()
    for start in [b"", b"250-x\r\n"]:
        reader.feed(start)
        for _ in range(2 * MAX_REPLY // len(flood)):
            reader.feed(flood)
            assert len(reader.held) <= MAX_LINE + MAX_REPLY


# -- any octets, any cuts

some_octets = st.lists(
    st.one_of(
        st.sampled_from(
            [b"250 ok\r\n", b"250-a\r\n", b"250", b"-", b" ", b"\r", b"\n", b"\0", b"\xff", b"2.1.5", b"\x1b[2J",
             b"354 go\n", b"25", b"999 x\r\n", b"a" * 600, b"a" * MAX_LINE, b"250-" + b"b" * (MAX_LINE - 5) + b"\n"]
        ),
        st.binary(max_size=8),
    ),
    max_size=12,
).map(b"".join)  # fmt: skip


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(place % (len(data) + 1) for place in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@given(some_octets, st.lists(st.integers(0, 2**20)))
@example(b"250 ok\r\n", [7])
@example(b"a" * MAX_LINE + b"\n", [MAX_LINE])
@example(b"250-" + b"b" * (MAX_LINE - 5) + b"\n" + b"250 x\n", [MAX_LINE - 1])
def test_the_replies_do_not_depend_on_the_cuts_and_no_octet_is_lost(data: bytes, cuts: list[int]) -> None:
    whole, held = read(data)
    assert b"".join(reply.raw for reply in whole) + held == data
    assert read(*cut(data, cuts)) == (whole, held)
    assert all(reply.code is None for reply in whole if D.CUT_LINE in reply.defects and len(reply.lines) == 1)


@given(some_octets)
def test_octet_by_octet_is_the_same_as_at_once(data: bytes) -> None:
    data = data[:4000]
    assert read(*(data[index : index + 1] for index in range(len(data)))) == read(data)


# -- times


def test_a_reply_has_the_times_of_its_first_and_last_octet() -> None:
    reader = ReplyReader()
    assert reader.feed(b"250-a", 1.0) == []
    assert reader.feed(b"\r\n", 2.0) == []
    (first, second) = reader.feed(b"250 b\r\n354 c\r\n", 3.0)
    assert (first.first, first.last) == (1.0, 3.0)
    assert (second.first, second.last) == (3.0, 3.0)
    (third,) = reader.feed(b"250 d\r\n25", 4.0)
    (fourth,) = reader.feed(b"0 e\r\n", 6.0)
    assert (third.first, third.last) == (4.0, 4.0)
    assert (fourth.first, fourth.last) == (4.0, 6.0)


def test_an_empty_read_changes_nothing() -> None:
    reader = ReplyReader()
    assert reader.feed(b"", 1.0) == []
    assert reader.feed(b"250 a\r\n", 2.0)[0].first == 2.0
