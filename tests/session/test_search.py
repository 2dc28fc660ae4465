"""Search finds the rows that show it, all of them and no others, whatever the octets are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session.wire_events import recorded, sessions, view_of
from smtpscope.session import search
from smtpscope.session.filter import Chip, Filter
from smtpscope.session.log import Log
from smtpscope.session.redact import hide
from smtpscope.session.rows import BEHIND, Kind
from smtpscope.session.search import Search
from smtpscope.session.view import View
from smtpscope.smtp.events import Event, Link, LinkStatus, Opened, Received, Sent

OPENED: list[Event] = [Opened(0.0, "mail.test", 25), Link(0.0, LinkStatus.CONNECTED, "connected")]
PATTERNS = (
    "250", "ok$", "^250 ", "^$", "$", "^", r"\s+", "[^x]*", "b@.*g", "(?<=25)0", r"\A2", r"k\Z", "hidden", "wonderland",
    "d29", "o.*", r"\r", "c\r", r"[0-9]{3}[ -]", "(2)5", ".", r"mail\.test", "line", "Username", r"\bOk\b", "a|b",
)  # fmt: skip


@pytest.fixture(autouse=True, params=[(1 << 18, 8192, 256), (40, 5, 2), (30, 100, 0)], ids=str)
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is, and with chunks so small that all their seams are met."""
    for name, value in zip(("CHUNK", "ROWS", "_DENSE"), request.param, strict=True):
        monkeypatch.setattr(search, name, value)


def lines(log: Log, row: int) -> Iterator[bytes]:
    """What a row shows, line by line."""
    if log.kind[row] == Kind.TEXT:
        text = log.octets(row)
        shown = hide(text, log.hidden(row, text)).removesuffix(b"\n")
        yield from (line.removesuffix(b"\r") for line in shown.split(b"\n") if text)
    elif log.length[row]:
        data = log.octets(row)
        data = data[:-2] if data.endswith(b"\r\n") else data.removesuffix(b"\n")
        yield hide(data, log.hidden(row, data))
    if row in log.text:
        yield log.text[row].encode()


def expected(log: Log, pattern: str, ignore_case: bool) -> list[int]:
    compiled = re.compile(pattern.encode(), re.IGNORECASE if ignore_case else 0)
    rows = (row for row in range(len(log)) if not log.flags[row] & BEHIND)
    return [row for row in rows if any(compiled.search(line) for line in lines(log, row))]


@given(sessions, st.sampled_from(PATTERNS), st.booleans(), st.booleans(), st.booleans())
def test_it_finds_what_rows_show(events: list[Event], pattern: str, regex: bool, ignore_case: bool, open: bool) -> None:
    log = view_of(events).log
    for place in reversed(range(len(log.shown))):
        log.toggle(place, open)  # the lines of an open message are no rows of their own
    looking = Search(log, pattern, regex=regex, ignore_case=ignore_case)
    assert looking.run()
    assert list(looking.hits) == expected(log, pattern if regex else re.escape(pattern), ignore_case)
    assert looking.whole or log.settled < len(log)


@given(events=sessions, pattern=st.sampled_from(PATTERNS))
def test_it_goes_on_with_what_has_come_and_can_be_stopped(events: list[Event], pattern: str) -> None:
    view = View(recorded(events))
    looking = Search(view.log, pattern, regex=True)
    while view.take(budget=0.0):
        looking.run(iter((False, True)).__next__ if len(view.log) % 2 else lambda: False)
    looking.run()
    assert list(looking.hits) == expected(view.log, pattern, ignore_case=False)


def of(*data: bytes) -> Log:
    return view_of([*OPENED, *(Received(1.0, each) for each in data)]).log


def found(log: Log, text: str, **how: bool) -> list[bytes]:
    looking = Search(log, text, **how)
    looking.run()
    return [log.octets(row) for row in looking.hits if log.length[row]]


def test_a_match_never_goes_over_the_end_of_a_row() -> None:
    log = of(b"250 one\r\n250 two\r\n250 three\r\n")
    assert found(log, "one.*two", regex=True) == []
    assert found(log, r"one\s+250", regex=True) == []
    assert found(log, "[^2]*three", regex=True) == [b"250 three\r\n"]
    assert found(log, r"one$", regex=True) == [b"250 one\r\n"]
    assert found(log, r"250 t", regex=False) == [b"250 two\r\n", b"250 three\r\n"]


def test_case_counts_unless_it_is_to_be_ignored() -> None:
    log = of(b"250 SIZE\r\n250 size\r\n")
    assert found(log, "Size") == []
    assert found(log, "size") == [b"250 size\r\n"]
    assert len(found(log, "Size", ignore_case=True)) == 2
    assert len(found(log, "S[I]ZE$", regex=True, ignore_case=True)) == 2
    assert len(found(log, r"\S Si.E$", regex=True, ignore_case=True)) == 2


def test_a_secret_is_not_found_though_it_is_in_the_octets() -> None:
    log = view_of(
        [
            *OPENED,
            Sent(1.0, b"AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\r\n", secrets=((11, 35),)),
            Received(1.1, b"535 no such password: wonderland\r\n"),
        ]
    ).log
    for text in ("wonderland", "AGFs", "wonder", "d29u"):
        assert found(log, text) == []
    assert found(log, "password: .hidden.$", regex=True) == [b"535 no such password: wonderland\r\n"]


def test_what_becomes_a_secret_is_no_hit_any_more() -> None:
    recorder = recorded([*OPENED, Received(1.0, b"220 wonderland\r\n")])
    view = View(recorder)
    view.take()
    looking = Search(view.log, "wonder")
    looking.run()
    assert looking.count == 1
    recorder.append(Sent(1.0, b"AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\r\n", secrets=((11, 35),)))
    view.take()
    looking.run()
    assert looking.count == 0


def test_next_and_previous_go_round() -> None:
    log = of(b"220 x\r\n250 a\r\n250 b\r\n")
    looking = Search(log, "250")
    assert (looking.next(0), looking.previous(0), looking.number(0)) == (-1, -1, 0)
    looking.run()
    first, second = looking.hits
    assert looking.next(0) == first
    assert looking.next(first) == second
    assert looking.next(second) == first
    assert looking.previous(second) == first
    assert looking.previous(first) == second
    assert (looking.number(first), looking.number(second), looking.count) == (1, 2, 2)


def test_a_note_is_found() -> None:
    log = of(b"220 x\r\n")
    looking = Search(log, "TEST:25", ignore_case=True)
    looking.run()
    assert [log.kind[row] for row in looking.hits] == [Kind.NOTE]


@pytest.mark.parametrize("source", ["(a|aa)+$", "(?=a)(a|a)*$"])
def test_an_expression_that_goes_back_and_forth_without_end_is_stopped(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "PATIENCE", 0.05)
    log = of(b"250 early\r\n", b"220 " + b"a" * 3000 + b"!\r\n", b"250 late\r\n")
    looking = Search(log, source, regex=True)
    assert looking.run()
    assert looking.too_long
    assert looking.whole, "nobody need wait for the rest"
    filtered = Filter(log, [Chip.parse(f"/{source}/")])
    assert filtered.update()
    assert filtered.too_long


def test_others_run_while_an_expression_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PATIENCE", 0.3)
    looking = Search(of(b"220 " + b"a" * 3000 + b"!\r\n"), "(a|aa)+$", regex=True)
    thread = Thread(target=looking.run)
    thread.start()
    turns = 0
    while thread.is_alive():
        turns += 1
    assert looking.too_long
    assert turns > 1000, "a second thread had its share"


@pytest.mark.parametrize("text", ["(", "[a", "*", "a{2}{3}", "(?P<x", "\\", "(?<=a+)b"])
def test_a_bad_expression_is_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="no regular expression: ") as told:
        Search(of(), text, regex=True)
    assert "\n" not in str(told.value)


def test_nothing_is_not_searched_for() -> None:
    with pytest.raises(ValueError, match="type some text"):
        Search(of(), "")
