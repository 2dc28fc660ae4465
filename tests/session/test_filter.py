"""Filters: chips as they are typed, and the rows that meet them, kept up to date as rows come."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from session.wire_events import recorded, sessions, view_of
from smtpscope.session.filter import Chip, Filter
from smtpscope.session.log import Log
from smtpscope.session.rows import BEHIND, Kind
from smtpscope.session.search import Search
from smtpscope.session.view import View
from smtpscope.smtp.events import Closed, Event, Link, LinkStatus, Marked, Opened, Received, Sent

SESSION: list[Event] = [
    Opened(0.0, "mail.test", 25),
    Link(0.0, LinkStatus.CONNECTED, "connected"),
    Received(0.1, b"220 mail.test\r\n"),
    Sent(1.0, b"EHLO me\r\n"),
    Received(1.1, b"250-mail.test\r\n250 SIZE\r\n"),
    Sent(2.0, b"mail FROM:<a@x>\r\n"),
    Received(2.1, b"250 2.1.0 Ok\r\n"),
    Sent(3.0, b"RCPT TO:<b@x>\r\n"),
    Received(3.1, b"550 5.1.1 no such user\r\n"),
    Sent(4.0, b"RCPT TO:<c@x>\r\n"),
    Received(4.1, b"452 4.2.2 full\r\n"),
    Sent(5.0, b"NOOP\r\n"),
    Received(5.1, b"550 no\r\n"),
    Closed(6.0, "said goodbye"),
]


def shown(log: Log, *chips: str, findings: frozenset[int] = frozenset()) -> list[str]:
    """What the rows say; dividers left out."""
    view = Filter(log, [Chip.parse(chip) for chip in chips], lambda: findings)
    assert view.update()
    rows = [row for row in view.rows if log.kind[row] != Kind.DIVIDER]
    assert len(rows) == len(view.rows) - 1, "the divider is always shown"
    return ["".join(text for text, _ in log.spans(row)) for row in rows]


@pytest.mark.parametrize(
    ("chips", "rows"),
    [
        (["code:550"], ["550 5.1.1 no such user", "550 no"]),
        (["code:5.1.1"], ["550 5.1.1 no such user"]),
        (["code:5.1.1,452"], ["550 5.1.1 no such user", "452 4.2.2 full"]),
        (["class:4"], ["452 4.2.2 full"]),
        (["cmd:RCPT", "dir:out"], ["RCPT TO:<b@x>", "RCPT TO:<c@x>"]),
        (["cmd:rcpt,MAIL", "dir:in"], ["250 2.1.0 Ok", "550 5.1.1 no such user", "452 4.2.2 full"]),
        (["cmd:EHLO"], ["EHLO me", "250-mail.test", "250 SIZE"]),
        (["cmd:MAIL"], ["mail FROM:<a@x>", "250 2.1.0 Ok"]),
        (["!dir:out", "dir:sent,received", "!class:2,4"], ["550 5.1.1 no such user", "550 no"]),
        (["MAIL.test"], ["connect to mail.test:25", "220 mail.test", "250-mail.test"]),
        (["text:<b@x>"], ["RCPT TO:<b@x>"]),
        (["/^550 .*user$/"], ["550 5.1.1 no such user"]),
        (["/SUCH/"], []),
        (["/SUCH/i"], ["550 5.1.1 no such user"]),
        (["!/[0-9]/", "dir:out"], ["EHLO me", "mail FROM:<a@x>", "RCPT TO:<b@x>", "RCPT TO:<c@x>", "NOOP"]),
        (["cmd:BANNER"], ["220 mail.test"]),
        (["cmd:XYZZY"], []),
    ],
)
def test_rows_meet_all_chips(chips: list[str], rows: list[str]) -> None:
    assert shown(view_of(SESSION).log, *chips) == rows


def test_a_chip_that_is_off_counts_for_nothing() -> None:
    log = view_of(SESSION).log
    chips = [Chip.parse("class:5"), Chip.parse("cmd:NOOP")]
    both = Filter(log, chips)
    one = Filter(log, [chips[0], chips[1].switched()])
    none = Filter(log, [chip.switched() for chip in chips])
    for view in (both, one, none):
        view.update()
    assert [len(view.rows) for view in (both, one, none)] == [2, 3, len(log)]
    assert chips[0].switched().switched() == chips[0]


def test_marked_rows_and_evidence_follow_what_is_marked_and_found() -> None:
    recorder = recorded(SESSION)
    view = View(recorder)
    view.take()
    log, found = view.log, {5}
    marked = Filter(log, [Chip.parse("marked")])
    findings = Filter(log, [Chip.parse("finding")], lambda: found)
    for each in (marked, findings):
        each.update()
    divider = len(log) - 1
    assert (list(marked.rows), list(findings.rows)) == ([divider], [5, divider])
    row = log.row_of(8)
    recorder.append(Marked(7.0, 8, 0, note="why?"))
    view.take()
    found.add(6)
    for each in (marked, findings):
        each.update()
    assert (list(marked.rows), list(findings.rows)) == ([row, divider], [5, 6, divider])
    recorder.append(Marked(7.1, 8, 0, on=False))
    view.take()
    marked.update()
    assert list(marked.rows) == [divider]


def test_the_place_of_a_row_is_its_own_or_the_next_ones() -> None:
    log = view_of(SESSION).log
    view = Filter(log, [Chip.parse("code:550")])
    view.update()
    first, second, last = view.rows
    assert [view.place(row) for row in (0, first, first + 1, second, last)] == [0, 0, 1, 1, 2]


CHIPS = (
    "dir:in", "dir:out", "cmd:AUTH,DATA", "class:2,3", "code:550,2.1.0", "text:ok", "/^2/", "marked", "finding",
)  # fmt: skip


def meets(log: Log, row: int, chip: Chip) -> bool:
    """What the columns say in one glance, said for one row."""
    verbs, codes = ({number: name for name, number in names.numbers.items()} for names in (log.verbs, log.codes))
    said = codes[log.code[row]]
    match chip.kind:
        case "dir":
            inward = log.kind[row] in (Kind.RECEIVED, Kind.REFUSED)
            return inward if chip.values == ("in",) else log.kind[row] in (Kind.SENT, Kind.TEXT)
        case "cmd":
            return verbs[log.verb[row]].upper() in chip.values
        case "class":
            return said[:1] in chip.values if said else False
        case "code":
            return any(value in said.split() for value in chip.values)
        case "marked":
            return row in log.marked
        case "finding":
            return row % 3 == 0
        case _:
            search = Search(log, chip.values[0], regex=chip.kind == "re", ignore_case=chip.kind == "text")
            search.run()
            return row in search.hits


@given(
    sessions,
    st.lists(st.sampled_from(CHIPS).flatmap(lambda text: st.sampled_from([text, "!" + text])), max_size=3),
    st.integers(1, 7),
)
def test_kept_up_to_date_it_is_the_same_as_made_anew(events: list[Event], texts: list[str], every: int) -> None:
    chips = [Chip.parse(text) for text in texts]
    view = View(recorded(events))
    log = view.log
    kept = Filter(log, chips, lambda: {row for row in range(len(log)) if row % 3 == 0})
    turns = 0
    while view.take(budget=0.0):
        turns += 1
        if turns % every == 0:
            before = list(kept.rows)
            kept.update()
            assert list(kept.rows[: kept.changed]) == before[: kept.changed]
    for place in reversed(range(len(log.shown))):
        log.toggle(place, open=True)
    assert kept.update()
    rows = [row for row in range(len(log)) if not log.flags[row] & BEHIND]
    wanted = [
        row
        for row in rows
        if log.kind[row] == Kind.DIVIDER or all(meets(log, row, chip) != chip.negated for chip in chips)
    ]
    assert list(kept.rows) == wanted


def test_more_names_than_there_are_numbers() -> None:
    exchanges: list[Event] = []
    for number in range(400):
        exchanges += [
            Sent(1.0, b"X%d\r\n" % number),
            Received(1.0, b"250-2.0.%d a\r\n250 2.0.%d ok\r\n" % (number, number)),
        ]
    log = view_of([*SESSION[:-1], *exchanges, SESSION[-1]]).log
    for number in (0, 200, 399):
        assert shown(log, f"cmd:x{number}") == [f"X{number}", f"250-2.0.{number} a", f"250 2.0.{number} ok"]
        assert shown(log, f"code:2.0.{number}") == [f"250-2.0.{number} a", f"250 2.0.{number} ok"]
    assert len(shown(log, "class:2", "!cmd:EHLO,MAIL,BANNER")) == 800


@pytest.mark.parametrize(
    "text",
    ["dir:in", "dir:in,out", "cmd:RCPT,MAIL", "class:4,5", "code:550,5.1.1", "text:a b", "/re/", "/re/i", "marked",
     "!finding", "!text:x", "!/a|b/", "text:marked", "text:dir:in"],
)  # fmt: skip
def test_a_chip_is_written_as_it_is_typed(text: str) -> None:
    assert Chip.parse(text).text == text
    assert Chip.parse(Chip.parse(f"  {text} ").text) == Chip.parse(text)


def test_words_alone_are_text_and_a_colon_in_them_is_one() -> None:
    assert Chip.parse("no such user") == Chip.parse("text:no such user")
    assert Chip.parse("mail.test:25") == Chip.parse("text:mail.test:25")
    assert Chip.parse("/open").text == "/open/"
    assert Chip.parse("DIR: in , SENT").text == "dir:in,out"


@example("dir:in\nout")
@example("marked:x\ny")
@given(st.text(max_size=12) | st.sampled_from(CHIPS).flatmap(lambda chip: st.text(max_size=4).map(chip.__add__)))
def test_whatever_is_typed_is_a_chip_or_one_sentence(text: str) -> None:
    try:
        chip = Chip.parse(text)
    except ValueError as error:
        told = str(error)
    else:
        told = ""
        assert Chip.parse(chip.text) == chip
        assert Filter(view_of(SESSION).log, [chip]).update()
    assert "\n" not in told


@pytest.mark.parametrize(
    ("text", "way_out"),
    [
        ("", "cmd:RCPT"),
        ("!", "cmd:RCPT"),
        ("dir:up", "dir:in"),
        ("class:6", "class:4,5"),
        ("class:55", "class:4,5"),
        ("code:5", "code:550"),
        ("code:5.1", "code:550"),
        ("cmd:", "cmd:RCPT"),
        ("text: ", "text:quota"),
        ("class:,", "class:5"),
        ("/(/", "no regular expression"),
        ("//", "between the slashes"),
        ("marked:yes", "type marked"),
    ],
)
def test_what_is_no_chip_is_told_with_the_way_out(text: str, way_out: str) -> None:
    with pytest.raises(ValueError, match=way_out):
        Chip.parse(text)
