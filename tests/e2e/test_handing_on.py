"""From a session with Postfix to a colleague: kept, exported by the command line, run again, compared."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from servers.postfix import Postfix
from session.driving import running
from smtpscope.profile import Profile
from smtpscope.secret import Secret
from smtpscope.session.export import KINDS, export

pytestmark = pytest.mark.postfix

LIMIT = 60.0


async def kept(postfix: Postfix, path: Path, **given: Any) -> Path:
    """A session with MAIL, RCPT and QUIT, as far as Postfix lets it, in a file."""
    user, password = postfix.account
    settings: dict[str, Any] = {"helo": "me.test", "auto": "auth", "family": 4, "tls_ca_path": str(postfix.ca_path)}
    settings |= {
        "login_wanted": True,
        "user": user,
        "password": Secret(password),
        "auth": ("PLAIN",),
        "tls": "starttls",
    }
    async with running(Profile("localhost", postfix.port, **settings | given)) as driven:
        for line in (b"MAIL FROM:<alice@mail.test>", b"RCPT TO:<bob@mail.test>", b"RSET", b"QUIT"):
            await driven.do("send", line + b"\r\n")
        path.write_text(export(driven.recorder, "jsonl"))
        return path


async def smtpscope(*words: str, home: Path) -> tuple[int, str, str]:
    """The command in a process of its own: exit code, standard output, standard error."""
    home_folders = dict.fromkeys(("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"), str(home))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "smtpscope", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **home_folders},
    )
    async with asyncio.timeout(LIMIT):
        output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


async def test_works_by_hand_and_fails_from_the_app(postfix: Postfix, tmp_path: Path) -> None:
    by_hand = await kept(postfix, tmp_path / "by-hand.jsonl")
    again = await kept(postfix, tmp_path / "again.jsonl")
    app = await kept(postfix, tmp_path / "app.jsonl", password=Secret("wrong"), helo="app.test")

    code, shown, errors = await smtpscope("diff", str(by_hand), str(again), home=tmp_path)
    assert (code, errors) == (0, ""), shown
    assert "Nothing differs but what differs by nature." in shown

    code, shown, errors = await smtpscope("diff", str(by_hand), str(app), home=tmp_path)
    assert (code, errors) == (1, "")
    assert "The first difference: AUTH: code\n  A  235 2.7.0\n  B  535 5.7.8\n" in shown
    assert "refused AUTH: 535" in " ".join(shown.split("\n\n")[0].split())
    for row in ("TLS version", "cipher", "SNI", "verdict", "certificate", "both offer", "~  EHLO in TLS"):
        assert row in shown

    code, _, errors = await smtpscope("diff", str(by_hand), str(tmp_path / "none"), home=tmp_path)
    assert code == 2
    assert "none cannot be read" in errors


@pytest.mark.parametrize("kind", [*KINDS, "svg"])
async def test_a_kept_session_is_exported_as_the_live_one_would_be(postfix: Postfix, tmp_path: Path, kind: str) -> None:
    path = await kept(postfix, tmp_path / "kept.jsonl")
    code, shown, errors = await smtpscope("export", str(path), "--as", kind, home=tmp_path)
    assert (code, errors) == (0, "")
    assert postfix.account[1] not in shown
    assert "localhost" in shown
    if kind in ("swaks", "curl", "python"):
        assert postfix.account[0] in shown  # the user's name is no secret, and is still known
    if kind == "svg":
        assert shown.startswith("<svg")
        assert "</svg>" in shown
