"""A password that is a word of our verdict does not take it out of it; what is foreign in the verdict is hidden."""

from __future__ import annotations

from servers.scripted import Peer
from session.driving import driving
from smtpscope.secret import Secret
from smtpscope.session.export import export
from smtpscope.session.keep import Lines
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
