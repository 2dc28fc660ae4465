"""What stands on the screen at once, and what is not loaded before it does."""

import json
import subprocess
import sys

HEAVY = {"aiosmtplib", "aiosmtpd", "trustme", "cryptography", "OpenSSL"}

# In a process of its own: in this one other tests have loaded everything. ``Unbegun`` takes the place of the session's
# thread, which is begun behind the first frame.
LOOK = """
import asyncio, json, sys, threading
from smtpscope.options import read
from smtpscope.session.recorder import Recorder
from smtpscope.session.thread import SessionThread
from smtpscope.tui.app import SmtpScope

first = []
begun = asyncio.Event()

class Unbegun(SessionThread):
    def start(self):
        first.append(sorted({name.partition(".")[0] for name in sys.modules}))
        first.append([thread.name for thread in threading.enumerate()])
        begun.set()

class Watched(SmtpScope):
    def _display(self, screen, frame):
        if frame is not None and not first:
            first.append([strip.text for strip in screen._compositor.render_strips()])
        super()._display(screen, frame)

async def main():
    profile, recorder = read(["demo"]), Recorder()
    app = Watched(profile, recorder, Unbegun(profile, recorder, lambda: None))
    async with app.run_test(size=(120, 40)):
        await begun.wait()

asyncio.run(main())
print(json.dumps(first))
"""


def test_the_first_frame_is_whole_and_comes_before_anything_heavy_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, timeout=100, check=True)
    rows, modules, threads = json.loads(done.stdout)
    assert "practice server" in rows[0]
    assert any("SEND_STREAM" in row for row in rows)
    assert any("inspector" in row for row in rows)
    assert rows[-2].startswith(" >")
    assert "space connect" in rows[-1]
    assert "textual" in modules
    assert HEAVY & set(modules) == set()
    assert "session" not in threads
