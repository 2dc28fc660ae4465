"""What real mail servers have in common here: when they greet, and how they end."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

START_LIMIT = 20.0
"""Seconds until the greeting."""


def greets(process: subprocess.Popen[bytes], host: str, port: int) -> bool:
    """Wait until the server says 220; false if it has ended or takes too long."""
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection((host, port), timeout=START_LIMIT) as sock:
                if sock.recv(512).startswith(b"220 "):
                    sock.sendall(b"QUIT\r\n")
                    return True
        except OSError:
            time.sleep(0.02)
    return False


def end(process: subprocess.Popen[bytes], folder: Path) -> None:
    """End a server and what it started, and remove its folder. It was started with ``start_new_session``."""
    process.terminate()
    try:
        process.wait(10)
    finally:
        # Only its own children are in the process group that start_new_session made.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def said(folder: Path) -> str:
    """What a server has written about itself so far."""
    return "".join(file.read_text() for file in (folder / "output", folder / "log") if file.exists())
