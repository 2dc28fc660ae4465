"""However a login is typed, also one that the server does not take, no password stays on the screen or in a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from servers.echoing import b64, leaks
from servers.scripted import Handler, ScriptedServer
from smtpscope.secret import Secret
from smtpscope.session.export import KINDS, export
from smtpscope.session.redact import HIDDEN
from smtpscope.session.transcript import transcript
from smtpscope.tui.history import History
from smtpscope.tui.screens import Pasted
from tui.driving import PROFILE, Driven, answering, driven

WORD = "wonderland"
WHOLE = b64(f"\0alice\0{WORD}".encode()).decode()
ALONE = b64(WORD.encode()).decode()
REFUSING: dict[str, bytes | list[bytes]] = {"AUTH": b"503 5.5.1 not now\r\n", "BANNER": b"220 mail.test\r\n"}
OTHERS = b"500 5.5.2 what?\r\n"


def refusing() -> Handler:
    """It takes no AUTH, and knows no response for a command."""
    known = {each.upper(): OTHERS for each in (ALONE, WHOLE, b64(b"alice").decode())}
    return answering({**REFUSING, **known})


def everything(hands: Driven, home: Path) -> dict[str, str]:
    """Where it could be seen."""
    app = hands.app
    shown = {"screen": hands.text, "log": "\n".join(hands.log), "lines": "\n".join(app.main.line.past.lines)}
    shown |= {kind: export(list(app.recorder), kind, redactor=app.view.redactor) for kind in KINDS}
    shown["transcript"] = transcript(app.recorder, redact=app.view.redactor)
    return shown | {f"file {each.name}": each.read_text() for each in home.rglob("*") if each.is_file()}


def found(shown: dict[str, str]) -> list[tuple[str, str]]:
    """The rows that give it away."""
    rows = [(where, row) for where, text in shown.items() for row in text.split("\n") if leaks(row, WORD)]
    return rows or [(where, "over several rows") for where, text in shown.items() if leaks(text, WORD)]


async def typed(hands: Driven, line: str) -> None:
    await hands.press("i")
    await hands.paste(line)
    await hands.press("enter")


@pytest.mark.parametrize(
    "line",
    [
        f"AUTH  PLAIN  {WHOLE}",
        f" auth plain {WHOLE} ",
        f"\\x09AUTH\\x09PLAIN\\x09{WHOLE}",
        f"AUTH PL\\x41IN {WHOLE}",
        f"AU\\x54H PLAIN {WHOLE}",
        f"AUTH {WHOLE}",
        f"AUTH {ALONE}",
        f"AUTH {ALONE.rstrip('=')}",
        f"AUTH=PLAIN {WHOLE}",
        f"AUTH: PLAIN {WHOLE}",
        f"AUTHENTICATE PLAIN {WHOLE}",
        f"AUTH LOGIN alice {ALONE}",
        f"NOOP\\r\\nAUTH PLAIN {WHOLE}",
    ],
)
async def test_what_follows_auth_is_hidden_however_it_is_typed(line: str, tmp_path: Path) -> None:
    history = History(tmp_path)
    async with (
        ScriptedServer(refusing()) as server,
        driven(replace(PROFILE, port=server.port), history=history) as hands,
    ):
        hands.app.keep(tmp_path / "kept.jsonl")
        await hands.press("c")
        await typed(hands, line)
        assert ALONE in server.received.decode() or WHOLE in server.received.decode() or ALONE.rstrip("=") in line
        shown = everything(hands, tmp_path)
        assert HIDDEN in shown["screen"]
        assert found(shown) == []


@pytest.mark.parametrize("way", ["lines", "write"])
async def test_responses_to_an_auth_that_is_refused_are_hidden(way: str, tmp_path: Path) -> None:
    """The lines of a login from elsewhere, pasted: where AUTH is refused they go out as commands."""
    history = History(tmp_path)
    async with (
        ScriptedServer(refusing()) as server,
        driven(replace(PROFILE, port=server.port), history=history) as hands,
    ):
        hands.app.keep(tmp_path / "kept.jsonl")
        await hands.press("c", "i")
        await hands.paste(f"AUTH LOGIN\n{b64(b'alice').decode()}\n{ALONE}\nNOOP\n")
        assert hands.over is Pasted
        screen = hands.app.screen
        assert isinstance(screen, Pasted)
        screen.dismiss(way)
        await hands.settle()
        assert ALONE.encode() in server.received
        assert b"NOOP" in server.received
        shown = everything(hands, tmp_path)
        assert "NOOP" in shown["log"]
        assert found(shown) == []


async def test_a_response_typed_after_a_refused_auth_is_hidden(tmp_path: Path) -> None:
    history = History(tmp_path)
    async with (
        ScriptedServer(refusing()) as server,
        driven(replace(PROFILE, port=server.port), history=history) as hands,
    ):
        hands.app.keep(tmp_path / "kept.jsonl")
        await hands.press("c")
        for line in ("AUTH LOGIN", ALONE, "NOOP", "FOOBAR", "EHLO x"):
            await typed(hands, line)
        shown = everything(hands, tmp_path)
        assert found(shown) == []
        assert "FOOBAR" in shown["log"]
        assert history.lines == ["AUTH LOGIN", "NOOP", "FOOBAR", "EHLO x"]


async def test_a_line_with_the_password_in_it_is_not_remembered(tmp_path: Path) -> None:
    """Typed at the wrong prompt."""
    history = History(tmp_path)
    async with (
        ScriptedServer(answering()) as server,
        driven(replace(PROFILE, port=server.port, password=Secret(WORD), user="alice"), history=history) as hands,
    ):
        await hands.press("c")
        for line in (WORD, f"NOOP {ALONE}", "NOOP"):
            await typed(hands, line)
        await hands.press("o")
        assert found(everything(hands, tmp_path)) == []
        assert history.lines == ["NOOP"]


async def test_a_password_behind_auth_s_own_command_is_not_repeated() -> None:
    """There is no place for one: it is asked for."""
    async with driven(PROFILE, []) as hands:
        await hands.press("colon")
        await hands.paste(f"auth PLAIN user=alice password={WORD}")
        await hands.press("enter")
        assert "auth does not know the word password=" in hands.said
        assert not leaks(hands.text, WORD)
        await hands.press("colon", "up")
        assert not leaks(hands.text, WORD)
