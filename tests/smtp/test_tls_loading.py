"""What TLS stands on is loaded before a clock runs on which the user would take it for the server's time."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import asyncio, sys
from smtpscope.smtp import SMTPTransport
from smtpscope.smtp.events import Opened, Sent

def seen(event):
    if isinstance(event, Opened) or (isinstance(event, Sent) and event.data == b"STARTTLS\\r\\n"):
        print(type(event).__name__, "OpenSSL.SSL" in sys.modules)

async def main():
    server = await asyncio.start_server(answer, "127.0.0.1")
    transport = SMTPTransport(seen)
    try:
        await transport.connect(*server.sockets[0].getsockname(), implicit_tls=sys.argv[1] == "implicit")
        await transport.starttls()
    except Exception as error:
        print(error)
    finally:
        transport.drop()
        server.close()

async def answer(reader, writer):
    try:
        writer.write(b"220 here\\r\\n")
        await reader.readline()
        writer.write(b"454 not now\\r\\n")
        await reader.read()
    finally:
        writer.close()

asyncio.run(main())
"""


@pytest.mark.parametrize(("kind", "said"), [("implicit", "Opened True"), ("starttls", "Opened False\nSent True")])
def test_tls_is_loaded_before_the_clock_runs(kind: str, said: str) -> None:
    run = subprocess.run([sys.executable, "-c", _PROGRAM, kind], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.startswith(said), run.stdout + run.stderr
