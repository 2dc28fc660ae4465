"""The time from process start to the complete first frame on a pty: ``smtpscope demo`` beside a hello-world app.

Complete: header, picture, line and footer have been drawn. Argument: rounds, 21 by default.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from pty_run import COLUMNS, ROWS, PtyRun
from rounds import order, report

OURS, HELLO = "smtpscope demo", "hello-world Textual app"
LIMITS = {HELLO: 1.5}
HELLO_APP = """\
from textual.app import App, ComposeResult
from textual.widgets import Static


class Hello(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("Hello, world")


Hello().run()
"""
FRAMES = {
    OURS: ("not connected", "SEND_STREAM", " wire ", " > ", "? help"),
    HELLO: ("Hello, world",),
}
"""What must have been drawn: of ours a word each of header, picture, rule, line and footer."""


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    seconds: dict[str, list[float]] = {OURS: [], HELLO: []}
    with tempfile.TemporaryDirectory() as home:
        hello = Path(home, "hello.py")
        hello.write_text(HELLO_APP)
        commands = {
            OURS: [str(Path(sys.executable).with_name("smtpscope")), "demo"],
            HELLO: [sys.executable, str(hello)],
        }
        for number in range(rounds + 1):
            for name in order([OURS, HELLO], number):
                with PtyRun(commands[name], home) as run:
                    taken = run.until(*FRAMES[name])
                if number:  # the first round warms up
                    seconds[name].append(taken)
    print(f"Process start to complete first frame, {rounds} rounds, {COLUMNS}x{ROWS}:")
    return 0 if report(seconds, OURS, LIMITS) else 1


if __name__ == "__main__":
    sys.exit(main())
