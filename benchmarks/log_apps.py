"""What benchmarks/log.py measures: our screen, and apps with Textual's own logs, each with so many rows or fed live.

Arguments: ours, Log or RichLog and the rows; ``feed``, one of them, rows a second, seconds and a file for what came of
it; or ``figures`` and the rows.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from smtpscope.session.recorder import Recorder
from smtpscope.smtp import SMTPCommand
from smtpscope.smtp.events import Event, Issued, Link, LinkStatus, Opened, Received, Sent

BATCHES = 50
"""Of the live feed, a second."""
GREETING = b"220 log.test\r\n"


def opening() -> list[Event]:
    """The first events of every session here; three rows come of them."""
    return [Opened(0.0, "log.test", 25), Link(0.0, LinkStatus.CONNECTED, "connected"), Received(0.0, GREETING)]


def exchanges(rows: int) -> Iterator[Event]:
    """NOOPs one after another, numbered, so many rows of the wire."""
    for number in range(rows // 2):
        at = number / 100
        yield Issued(at, SMTPCommand.CUSTOM, f"NOOP {number}")
        yield Sent(at, b"NOOP %d\r\n" % number)
        yield Received(at, b"250 ok %d\r\n" % number)


def batch(first: int, count: int, at: float) -> list[Event]:
    """So many NOOPs in one write and their replies in one read: two rows each."""
    numbers = range(first, first + count)
    asked, said = (b"".join(line % number for number in numbers) for line in (b"NOOP %d\r\n", b"250 ok %d\r\n"))
    return [Sent(at, asked), Received(at, said)]


def recorded(rows: int) -> Recorder:
    """A session that is over with it, so that no clock runs."""
    recorder = Recorder()
    for event in [*opening(), *exchanges(rows)]:
        recorder.append(event)
    return recorder


def ours(rows: int, feed: Callable[[Recorder, Callable[[], None]], None] | None = None) -> None:
    """Our screen on such a session, or on one that is fed while it runs."""
    from smtpscope.profile import Profile
    from smtpscope.session.thread import SessionThread
    from smtpscope.tui.app import SmtpScope

    class Still(SessionThread):
        """A live session in which nothing happens by itself."""

        def start(self) -> None:
            pass

    recorder, profile = recorded(rows), Profile("log.test", 25, transcript=False)
    session = Still(profile, recorder, lambda: app.wake()) if feed is not None else None
    app = SmtpScope(profile, recorder, session)
    app.view.take()
    if feed is not None:

        def run() -> None:
            while not app.main.is_attached:
                time.sleep(0.05)
            feed(recorder, app.wake)
            while app.view.taken < len(recorder):
                time.sleep(0.05)
            numbers = [app.view.log.octets(row) for row in range(len(app.view.log)) if app.view.log.length[row]]
            Path(sys.argv[5]).write_text(json.dumps(came(numbers)))

        threading.Thread(target=run, daemon=True).start()
    app.run()


def came(rows: list[bytes]) -> list[int]:
    """How many rows came, and how many of them are what they should be."""
    good = rows[:1] == [GREETING]
    expected = (event.data for event in exchanges(len(rows)) if isinstance(event, Sent | Received))
    left = sorted(rows[1:])
    return [len(rows), good + sum(one == other for one, other in zip(left, sorted(expected), strict=False))]


def theirs(name: str, rows: int, feed: tuple[int, float] | None = None) -> None:
    """A full-screen log of Textual's with lines like ours."""
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    from textual.app import App, ComposeResult
    from textual.widgets import Log, RichLog

    def lines(first: int, count: int) -> list[str]:
        said = (f"{n / 100:9.3f} ->  NOOP {n}\n{n / 100:9.3f} <-  250 ok {n}" for n in range(first, first + count))
        return [line for both in said for line in both.split("\n")]

    class LogApp(App[None]):
        def compose(self) -> ComposeResult:
            yield Log() if name == "Log" else RichLog()

        def on_ready(self) -> None:
            self.query_one(name).focus()
            self.put(["    0.000 <-  220 log.test"])
            for first in range(0, rows // 2, 500):
                self.put(lines(first, min(500, rows // 2 - first)))
            if feed is not None:
                threading.Thread(target=self.feed, args=feed, daemon=True).start()

        def put(self, some: list[str]) -> None:
            log = self.query_one(name)
            if isinstance(log, Log):
                log.write_lines(some)
            elif isinstance(log, RichLog):
                for line in some:
                    log.write(line)

        def feed(self, rate: int, seconds: float) -> None:
            fed(rate, seconds, lambda first, count, at: self.call_from_thread(self.put, lines(first, count)))
            Path(sys.argv[5]).write_text(json.dumps([self.query_one(Log).line_count - 1] * 2))

    LogApp().run()


def fed(rate: int, seconds: float, put: Callable[[int, int, float], object]) -> None:
    """Call ``put`` so often and with so many exchanges that ``rate`` rows a second come."""
    begin, count = time.perf_counter(), rate // BATCHES // 2
    for number in range(int(seconds * BATCHES)):
        put(number * count, count, number / BATCHES)
        time.sleep(max(0.0, begin + (number + 1) / BATCHES - time.perf_counter()))


def feed_ours(rate: int, seconds: float) -> None:
    """Our screen, fed as the session's thread would."""

    def feed(recorder: Recorder, wake: Callable[[], None]) -> None:
        def put(first: int, count: int, at: float) -> None:
            for event in batch(first, count, at):
                recorder.append(event)
                wake()

        fed(rate, seconds, put)

    ours(0, feed)


SEARCHES = {
    "regex": ("ok 1234[0-9]$", {"regex": True}),
    "regex, all rows": ("[0-9]+", {"regex": True}),
    "regex ignoring case": ("OK 1234[0-9]$", {"regex": True, "ignore_case": True}),
    "regex with a class, ignoring case": ("[O]K 1234[0-9]$", {"regex": True, "ignore_case": True}),
    "text": ("ok 12345", {}),
}
FILTERS = ("dir:in", "class:2", "cmd:NOOP", "!code:550", "text:ok 1234", "/ok 1234.$/")


def figures(rows: int) -> None:
    """Print milliseconds of each search and filter, and the longest time the main thread stood still meanwhile."""
    from smtpscope.session.filter import Chip, Filter
    from smtpscope.session.search import Search
    from smtpscope.session.view import View

    view = View(recorded(rows))
    view.take()
    result: dict[str, list[float]] = {}
    for name, (text, how) in SEARCHES.items():
        result[name] = in_thread(Search(view.log, text, **how).run)
    for name in FILTERS:
        result[name] = in_thread(Filter(view.log, [Chip.parse(name)]).update)
    print(json.dumps(result))


def in_thread(work: Callable[[], object]) -> list[float]:
    """Milliseconds of ``work`` in a thread, and the longest that another one could not run."""
    thread = threading.Thread(target=work)
    begin = last = time.perf_counter()
    stall = 0.0
    thread.start()
    while thread.is_alive():
        time.sleep(0.001)
        now = time.perf_counter()
        stall, last = max(stall, now - last), now
    return [(last - begin) * 1000, stall * 1000]


def main() -> None:
    match sys.argv[1:]:
        case ["ours", rows]:
            ours(int(rows))
        case ["figures", rows]:
            figures(int(rows))
        case ["feed", "ours", rate, seconds, _]:
            feed_ours(int(rate), float(seconds))
        case ["feed", name, rate, seconds, _]:
            theirs(name, 0, (int(rate), float(seconds)))
        case [name, rows]:
            theirs(name, int(rows))


if __name__ == "__main__":
    main()
