"""A password that is a word of our own sentences: they stay whole, and foreign words in them are hidden still."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import smtpscope.session
from servers.scripted import Peer
from session.driving import driving
from smtpscope.secret import Secret
from smtpscope.session.export import export
from smtpscope.session.keep import Lines
from smtpscope.session.own_words import is_ours
from smtpscope.session.redact import HIDDEN, Redactor
from smtpscope.session.vary_runs import newest
from smtpscope.session.vary_table import table
from smtpscope.session.view import View
from smtpscope.smtp.events import Told

VERDICT = "user or password is wrong, or the account is locked"


def knowing(password: str) -> Redactor:
    redactor = Redactor()
    redactor.know(Secret(password))
    return redactor


@pytest.mark.parametrize("password", ["wrong", "Wrong", "password is wrong", "rong,", "lock", "account", "word"])
def test_a_sentence_of_ours_stays_whole(password: str) -> None:
    assert knowing(password).sentence(VERDICT) == VERDICT


@pytest.mark.parametrize(
    "sentence",
    [
        'the server says "wrong", and closes',
        'the server says "it is wrong here", and closes',
        "the user name is wrong@example.org",
        "the certificate is that of wrong.example.org",
        "closed: [wrong]",
        "closed: d3Jvbmc=",
        "closed: wrongly77",
    ],
)
def test_what_is_foreign_in_it_is_hidden(sentence: str) -> None:
    assert HIDDEN in knowing("wrong").sentence(sentence)


def test_a_password_that_is_no_word_of_ours_is_hidden_in_any_sentence() -> None:
    assert knowing("wonderland").sentence(f"{VERDICT}: wonderland") == f"{VERDICT}: {HIDDEN}"
    assert knowing("locked2").sentence(f"{VERDICT}: locked2") == f"{VERDICT}: {HIDDEN}"


def test_the_words_of_verdicts_and_findings_are_known() -> None:
    """Those with blanks beside them, in what vary, repeat and the notes say."""
    folder = Path(smtpscope.session.__file__).parent
    unknown = set()
    for path in [folder / "vary_words.py", folder / "repeat.py", folder / "notes.py", folder / "vary.py"]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        pieces = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
        for node in [part for piece in pieces for part in piece.values]:
            text = node.value if isinstance(node, ast.Constant) else ""
            for word in re.findall(r"(?<= )[a-z]{4,}(?= )", text if isinstance(text, str) else ""):
                if not is_ours(f"it {word}".encode(), 3, 3 + len(word)):
                    unknown.add(word)
    assert not unknown


async def refusing(peer: Peer) -> None:
    """A server that refuses each login."""
    await peer.send(b"220 mail.test ESMTP\r\n")
    while line := await peer.line():
        if line.startswith(b"QUIT"):
            await peer.send(b"221 bye\r\n")
            return
        offer = b"250-mail.test\r\n250 AUTH PLAIN\r\n"
        await peer.send(offer if line.startswith(b"EHLO") else b"535 5.7.8 no\r\n")


async def test_the_verdict_of_vary_is_whole_wherever_it_is_shown() -> None:
    async with driving(refusing, auto="ehlo", login_wanted=True, user="alice", password=Secret("wrong")) as driven:
        driven.session.vary("auth")
        await driven.asked("vary")
        await driven.answer(2)
        events = list(driven.recorder)
        redactor = knowing("wrong")
        told = driven.of(Told)[-1]
        assert told.text.startswith(VERDICT)

        found = newest(driven.recorder)
        assert found is not None
        lines = ["".join(text for text, _ in line.spans) for line in table(found, redactor)]
        assert any(line.startswith(VERDICT.capitalize()) for line in lines)

        view = View(driven.recorder)
        view.redactor.know(Secret("wrong"))
        view.take()
        assert any(VERDICT in "".join(text for text, _ in view.log.spans(row)) for row in view.log.shown)

        keeping = Lines()
        keeping.redactor.know(Secret("wrong"))
        assert VERDICT.encode() in keeping.of(told)
        assert VERDICT in export(events, "transcript", redactor=redactor)
        assert VERDICT in export(events, "jsonl", redactor=redactor)


async def test_a_user_name_that_is_the_password_is_hidden_in_question_and_verdict() -> None:
    async with driving(refusing, auto="ehlo", login_wanted=True, user="wrong", password=Secret("wrong")) as driven:
        driven.session.vary("user", ("wrong", "alice"))
        question = await driven.asked("vary")
        assert f"({HIDDEN}, alice)" in question.text
        assert f"as {HIDDEN} or alice" in question.text
        await driven.answer(2)
        assert VERDICT.partition("user or ")[2] in driven.of(Told)[-1].text
