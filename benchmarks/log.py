"""The log with 100,000 rows on a pty, beside one with 100: from a key to the rows it shows, and memory a row.

Argument: rounds, 11 by default.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from pty_run import PtyRun
from rounds import order, report

from smtpscope.profile import Profile
from smtpscope.session.recorder import Recorder
from smtpscope.smtp import SMTPCommand
from smtpscope.smtp.events import Closed, Issued, Link, LinkStatus, Opened, Received, Sent

LONG, SHORT = 100_000, 100
KEYS = {"home": b"g", "page down": b"\x1b[6~", "end": b"G", "page up": b"\x1b[5~"}


def recorded(rows: int) -> Recorder:
    """A session of NOOPs, numbered, with ``rows`` rows on the wire; over, so that no clock runs."""
    recorder = Recorder()
    recorder.append(Opened(0.0, "log.test", 25))
    recorder.append(Link(0.0, LinkStatus.CONNECTED, "connected"))
    recorder.append(Received(0.0, b"220 log.test\r\n"))
    for number in range(rows // 2):
        time = number / 100
        recorder.append(Issued(time, SMTPCommand.CUSTOM, f"NOOP {number}"))
        recorder.append(Sent(time, b"NOOP %d\r\n" % number))
        recorder.append(Received(time, b"250 ok %d\r\n" % number))
    recorder.append(Closed(rows / 200, "over"))
    return recorder


def show(rows: int) -> None:
    """The app on such a session."""
    from smtpscope.tui.app import SmtpScope

    SmtpScope(Profile("log.test", 25, transcript=False), recorded(rows)).run()


def shown_after(key: str, rows: int) -> str:
    """A word that stands on the screen after the key and not before."""
    last = rows // 2 - 1
    words = {"home": "220 log.test", "page down": "NOOP 15", "end": f"250 ok {last}", "page up": f"NOOP {last - 15}"}
    return words[key]


def measured(rows: int, home: str, seconds: dict[str, list[float]]) -> int:
    """Time each key once; gives the octets of memory in use at the end."""
    with PtyRun([sys.executable, __file__, "show", str(rows)], home) as run:
        run.until("log.test", f"250 ok {rows // 2 - 1}")
        for name, key in KEYS.items():
            run.press(key)
            seconds[f"{name}, {rows:,} rows"].append(run.until(shown_after(name, rows)))
        status = Path(f"/proc/{run.process.pid}/status").read_text()
        return 1024 * int(status.partition("VmRSS:")[2].split()[0])


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    seconds: dict[str, list[float]] = {f"{key}, {rows:,} rows": [] for key in KEYS for rows in (LONG, SHORT)}
    memory: dict[int, int] = {}
    with tempfile.TemporaryDirectory() as home:
        for number in range(rounds):
            for rows in map(int, order([str(LONG), str(SHORT)], number)):
                memory[rows] = measured(rows, home, seconds)
    print(f"From key to rows shown, {rounds} rounds:")
    for key in KEYS:
        pair = {f"{key}, {rows:,} rows": seconds[f"{key}, {rows:,} rows"] for rows in (LONG, SHORT)}
        report(pair, f"{key}, {LONG:,} rows", {f"{key}, {SHORT:,} rows": 2.0})
    print(f"  memory a row: {(memory[LONG] - memory[SHORT]) / (LONG - SHORT):.0f} octets, events and octets included")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["show"]:
        show(int(sys.argv[2]))
    else:
        sys.exit(main())
