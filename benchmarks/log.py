"""The log with a million rows on a pty of 140x50, beside Textual's own logs: memory, keys, a live feed, search, filter.

Argument: rounds, 11 by default. RichLog is measured with 20,000 rows: with a million it takes minutes and gigabytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from pty_run import PtyRun
from rounds import order

APPS = str(Path(__file__).with_name("log_apps.py"))
SIZE = (140, 50)
ROWS = {"ours": 1_000_000, "Log": 1_000_000, "RichLog": 20_000}
RATE, SECONDS = 50_000, 8.0
LIMIT_MEMORY = 100.0
"""Megabytes over the empty app."""
LIMIT_KEY, LIMIT_FEED_KEY = 0.050, 0.100
"""Seconds from a key to what it shows, median."""
LOST = 2.0
"""Seconds after which a key under the feed is taken as lost."""
LIMITS_SEARCH = {
    "regex": 150.0,
    "regex ignoring case": 600.0,
    "regex with a class, ignoring case": 600.0,
    "text": 150.0,
}
LIMIT_FILTER = 300.0
"""Milliseconds."""


def keys(name: str) -> list[tuple[str, bytes, str]]:
    """Keys in order, and what only then stands on the screen."""
    last, page = ROWS[name] // 2 - 1, 20 if name == "ours" else 40
    up = f"250 ok {last}" if name == "ours" else ""  # anything: theirs scroll by a line
    return [
        ("home", b"\x1b[H", "220 log.test"),
        ("page down", b"\x1b[6~", f"NOOP {page}"),
        ("end", b"\x1b[F", f"250 ok {last}"),
        ("up", b"\x1b[A", up),
        ("page up", b"\x1b[5~", f"NOOP {last - page}"),
    ]


def memory(run: PtyRun) -> float:
    """Megabytes that the process has in memory."""
    status = Path(f"/proc/{run.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6


def held(name: str, home: str) -> tuple[PtyRun, float]:
    """The app with all its rows, and the megabytes that it has over the same app without any."""
    with PtyRun([sys.executable, APPS, name, "0"], home, SIZE) as run:
        run.until("log.test")
        time.sleep(1)
        empty = memory(run)
    run = PtyRun([sys.executable, APPS, name, str(ROWS[name])], home, SIZE)
    run.until(f"250 ok {ROWS[name] // 2 - 1}", limit=300)
    time.sleep(1)
    return run, memory(run) - empty


def said(what: str, figure: str, limit: str, good: bool) -> bool:
    """Print one figure with its limit."""
    print(f"  {what:<44} {figure:<42} {limit}{': yes' if good else ': NO'}")
    return good


def rows_and_keys(rounds: int, home: str) -> bool:
    """Memory and keys of all three, pressed in turns."""
    good = True
    with ExitStack() as stack:
        runs = {}
        print(f"Rows held, {SIZE[0]}x{SIZE[1]}:")
        for name in ROWS:
            run, megabytes = held(name, home)
            runs[name] = stack.enter_context(run)
            figure = f"{megabytes:.0f} MB, {megabytes * 1e6 / ROWS[name]:.0f} octets a row"
            if name == "ours":
                good &= said(
                    f"{name}, {ROWS[name]:,} rows", figure, f"at most {LIMIT_MEMORY:g} MB", megabytes <= LIMIT_MEMORY
                )
            else:
                print(f"  {f'{name}, {ROWS[name]:,} rows':<44} {figure}")
        seconds: dict[tuple[str, str], list[float]] = {}
        for number in range(rounds):
            for name in order(list(ROWS), number):
                for key, octets, word in keys(name):
                    runs[name].quiet()
                    runs[name].press(octets)
                    seconds.setdefault((key, name), []).append(runs[name].until(word))
    print(f"From key to changed screen, median of {rounds} rounds:")
    for key, _, _ in keys("ours"):
        mine = median(seconds[key, "ours"])
        others = ", ".join(
            f"{mine / median(seconds[key, name]):.2f} of {name}'s {median(seconds[key, name]) * 1000:.0f} ms"
            for name in ("Log", "RichLog")
        )
        figure = f"{mine * 1000:.1f} ms, worst {max(seconds[key, 'ours']) * 1000:.0f} ms"
        good &= said(f"{key}: {others}", figure, f"at most {LIMIT_KEY * 1000:g} ms", mine <= LIMIT_KEY)
    return good


def feed(name: str, home: str) -> tuple[list[float], float, list[int]]:
    """Seconds from key to changed screen under a live feed, the share of a core it took, and the rows that came."""
    result = Path(home, "came")
    result.unlink(missing_ok=True)
    command = [sys.executable, APPS, "feed", name, str(RATE), str(SECONDS), str(result)]
    seconds: list[float] = []
    with PtyRun(command, home, SIZE) as run:
        run.until("250 ok")
        begin = time.perf_counter()
        while time.perf_counter() - begin < SECONDS - 2:
            for key, word in ((b"\x1b[H", "220 log.test"), (b"\x1b[6~", "NOOP 40")):
                run.press(key)
                try:
                    seconds.append(run.until(word, limit=LOST))
                except SystemExit:
                    seconds.append(LOST)  # Log forgets a key that comes between two writes
            run.press(b"\x1b[F")
            run.drain(0.3)
        times = Path(f"/proc/{run.process.pid}/stat").read_text().rpartition(")")[2].split()
        share = (int(times[11]) + int(times[12])) / 100 / (time.perf_counter() - begin)
        while not (result.exists() and result.read_text()):
            run.drain(0.2)
        return seconds, share, json.loads(result.read_text())


def live_feed(home: str) -> bool:
    """Ours beside Log."""
    print(f"A live feed of {RATE:,} rows a second for {SECONDS:g} s:")
    good = True
    expected = int(RATE * SECONDS)
    for name in ("ours", "Log"):
        seconds, share, (rows, right) = feed(name, home)
        middle = median(seconds)
        figure = f"{middle * 1000:.1f} ms, worst {max(seconds) * 1000:.0f} ms of {len(seconds)}"
        within = said(
            f"{name}: key to changed screen", figure, f"at most {LIMIT_FEED_KEY * 1000:g} ms", middle <= LIMIT_FEED_KEY
        )
        print(f"  {f'{name}: of a core':<44} {share:.0%}")
        if name == "ours":
            good &= within
            whole = rows == right == expected + 1
            good &= said(
                "ours: rows that came, and as they should be", f"{rows:,}, {right:,}", f"{expected + 1:,}", whole
            )
    return good


def search_and_filter() -> bool:
    """In a thread of a process without a screen."""
    print(f"Search and filter, {ROWS['ours']:,} rows, and the longest that another thread had to wait:")
    command = [sys.executable, APPS, "figures", str(ROWS["ours"])]
    figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    good = True
    for name, (milliseconds, stall) in figures.items():
        figure = f"{milliseconds:.0f} ms, waited {stall:.0f} ms"
        limit = LIMITS_SEARCH.get(name, LIMIT_FILTER if "regex," not in name else None)
        if limit is None:
            print(f"  {name:<44} {figure}")
        else:
            good &= said(name, figure, f"at most {limit:g} ms", milliseconds <= limit)
    return good


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    good = search_and_filter()
    with tempfile.TemporaryDirectory() as home:
        good &= live_feed(home)
        good &= rows_and_keys(rounds, home)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
