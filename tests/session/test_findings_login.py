"""What is wrong or notable about logins: each rule with a session that trips it and one that does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from servers.mechanisms import PASSWORD, USER, Proof, SaslServer
from session.driving import running
from session.finding import folded
from smtp.playbook import Playbook, connected
from smtpscope.profile import Profile
from smtpscope.secret import Secret
from smtpscope.session.findings.login import LOGIN_FAILED_RULES, LOGIN_RULES, LOGIN_SENT_RULES, LONGEST_LINE
from smtpscope.session.findings.rule import Rule
from smtpscope.session.view import View
from smtpscope.smtp.events import Failed, Link, LinkStatus, Opened, Sent

OFFER = "250-mail.test\n250 AUTH PLAIN CRAM-MD5"
PLAIN = "AUTH PLAIN AGEAYg=="
IN, NO = "235 2.7.0 ok", "535 5.7.8 no"
NOT_PROVED = "AUTH SCRAM-SHA-256 succeeded, but the server's signature is wrong: do not trust this server"


def ready(offer: str = OFFER) -> Playbook:
    return connected(offer)


def again(play: Playbook) -> Playbook:
    """The same server on another connection."""
    play.apply(Opened(50.0, "mail.test", 25)).apply(Link(50.0, LinkStatus.CONNECTED))
    return play << "220 mail.test" >> "EHLO me" << OFFER


def secret(play: Playbook, octets: int, reply: str = "") -> Playbook:
    """AUTH with a token, in a line of so many octets."""
    start = len("AUTH PLAIN ")
    line = b"AUTH PLAIN " + b"A" * (octets - start - 2) + b"\r\n"
    play.apply(Sent(5.0, line, True, ((start, octets - 2),)))
    return play << reply if reply else play


def told(reason: str) -> Playbook:
    return ready().apply(Failed(9.0, None, reason))


CASES: list[tuple[str, Callable[[], Playbook], Callable[[], Playbook]]] = [
    ("offered-and-unknown", lambda: ready() >> PLAIN << "504 5.5.4 what?", lambda: ready() >> "AUTH NTLM" << "504 no"),
    ("offered-and-unknown", lambda: ready() >> "auth plain" << "504 what?", lambda: ready() >> PLAIN << NO),
    ("unoffered-and-taken", lambda: ready() >> "AUTH EXTERNAL =" << IN, lambda: ready() >> PLAIN << IN),
    ("unoffered-and-taken", lambda: ready() >> "AUTH EXTERNAL =" << IN, lambda: ready() >> "AUTH EXTERNAL =" << NO),
    (
        "second-login",
        lambda: ready() >> PLAIN << IN >> PLAIN << IN,
        lambda: ready() >> PLAIN << IN >> PLAIN << "503 no",
    ),
    (
        "second-login",
        lambda: ready() >> PLAIN << IN >> PLAIN << IN,
        lambda: again(ready() >> PLAIN << IN) >> PLAIN << IN,
    ),
    (
        "login-in-transaction",
        lambda: ready() >> "MAIL FROM:<>" << "250 ok" >> PLAIN << IN,
        lambda: ready() >> "MAIL FROM:<>" << "250 ok" >> "RSET" << "250 ok" >> PLAIN << IN,
    ),
    (
        "login-line-refused",
        lambda: secret(ready(), 700, "500 Command line too long"),
        lambda: secret(ready(), LONGEST_LINE + 1, "500 Command line too long"),
    ),
    ("login-line-refused", lambda: secret(ready(), 700, "500 5.5.6 no"), lambda: secret(ready(), 700, NO)),
    ("login-line-long", lambda: secret(ready(), LONGEST_LINE + 1), lambda: secret(ready(), LONGEST_LINE)),
    (
        "other-mechanism-works",
        lambda: again(ready() >> "AUTH CRAM-MD5" << "334 PDE+" >> "eA==" << NO) >> PLAIN << IN,
        lambda: ready() >> PLAIN << NO >> PLAIN << IN,
    ),
    ("server-unproved", lambda: told(NOT_PROVED), lambda: told("AUTH SCRAM-SHA-256 was cancelled: no proof")),
]


@pytest.mark.parametrize(("rule", "trips", "_"), CASES)
def test_a_rule_finds_what_it_is_about(rule: str, trips: Callable[[], Playbook], _: object) -> None:
    assert rule in folded(trips()).rules


@pytest.mark.parametrize(("rule", "_", "passes"), CASES)
def test_a_rule_lets_pass_what_is_right(rule: str, _: object, passes: Callable[[], Playbook]) -> None:
    assert rule not in folded(passes()).rules


def test_every_rule_has_its_two_sessions() -> None:
    rules: list[Rule[Any]] = [*LOGIN_RULES, *LOGIN_SENT_RULES, *LOGIN_FAILED_RULES]
    assert {case[0] for case in CASES} == {rule.id for rule in rules}


def test_what_is_said_names_the_mechanism_and_the_length() -> None:
    assert "a line of 700 octets in a login is refused as too long; 12,288 have to be taken" in (
        folded(secret(ready(), 700, "500 Command line too long")).sentences
    )
    assert "AUTH PLAIN is offered, and refused with 504 as one that the server does not have" in (
        folded(ready() >> PLAIN << "504 what?").sentences
    )
    assert folded(told(NOT_PROVED)).findings.found[0].text == NOT_PROVED


@pytest.mark.parametrize(("proof", "found"), [("wrong", True), ("none", True), ("challenge", False), ("reply", False)])
async def test_a_server_that_does_not_prove_itself_is_found(proof: Proof, found: bool) -> None:
    async with SaslServer(proof) as server:
        profile = Profile(
            server.host, server.port, helo="me.test", auto="auth", auth=("SCRAM-SHA-256",),
            login_wanted=True, user=USER, password=Secret(PASSWORD),
        )  # fmt: skip
        async with running(profile) as driven:
            view = View(driven.recorder)
            view.take()
            assert ("server-unproved" in [each.rule for each in view.findings.found]) is found
