"""What a real Postfix says when it refuses is recognised, each text as what it is."""

import socket
from collections.abc import Iterator

import pytest

from servers.postfix import Postfix
from smtpscope.session.causes import Situation, find
from smtpscope.smtp.events import Link, LinkStatus, Opened, Received, Sent
from smtpscope.smtp.machine import Answer, Machine

LIMIT = 15.0
"""Seconds for one reply."""

STRICT = """
mydestination = local.test
local_recipient_maps = inline:{{alice=x}}
virtual_mailbox_maps = inline:{{bob@mail.test=inbox/}, {grey@mail.test=inbox/}}
relay_domains = relay.test
relay_recipient_maps = inline:{{carol@relay.test=x}}
smtpd_relay_restrictions = reject_unauth_destination
smtpd_helo_required = yes
smtpd_helo_restrictions = reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname
smtpd_sender_restrictions = reject_non_fqdn_sender, check_sender_access inline:{{bad.test=REJECT}}
smtpd_recipient_restrictions = check_recipient_access inline:{
    {grey@mail.test = 450 4.2.0 Greylisted, see http://postgrey.schweikert.ch/help/mail.test.html}}
smtpd_tls_auth_only = yes
smtpd_forbid_bare_newline = reject
smtpd_forbid_bare_newline_exclusions =
smtpd_forbid_unauth_pipelining = yes
disable_vrfy_command = yes
message_size_limit = 10000
smtpd_recipient_limit = 1
smtpd_hard_error_limit = 3
"""


class StrictPostfix(Postfix):
    """Postfix that has something against most things."""

    def _write_configuration(self) -> None:
        super()._write_configuration()
        with (self.folder / "conf" / "main.cf").open("a") as file:
            file.write(STRICT)


@pytest.fixture(scope="module")
def strict() -> Iterator[StrictPostfix]:
    with StrictPostfix() as server:
        yield server


def last_answer(port: int, writes: list[bytes]) -> tuple[Answer, Machine]:
    """Send each write when the one before is answered; gives the last reply of all."""
    machine, answers = Machine(), list[Answer]()
    machine.apply(Opened(0.0, "mail.test", 25))
    machine.apply(Link(0.0, LinkStatus.CONNECTED))
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as sock:
        for write in [b"", *writes]:
            if write:
                sock.sendall(write)
                machine.apply(Sent(0.0, write))
            while machine.pending and (data := sock.recv(65536)):
                answers += machine.apply(Received(0.0, data))
    return answers[-1], machine


EHLO, MAIL, RCPT = b"EHLO me.example.org\r\n", b"MAIL FROM:<a@example.org>\r\n", b"RCPT TO:<bob@mail.test>\r\n"
BIG = b"Subject: x\r\n\r\n" + b"x" * 70 + (b"\r\n" + b"x" * 70) * 200 + b"\r\n.\r\n"


@pytest.mark.postfix
@pytest.mark.parametrize(
    ("writes", "name"),
    [
        ([MAIL], "need_hello"),
        ([b"EHLO laptop\r\n", MAIL, RCPT], "helo_not_full"),
        ([b"EHLO laptop-.example.org\r\n", MAIL, RCPT], "helo_invalid"),
        ([EHLO, RCPT], "need_mail"),
        ([EHLO, MAIL, MAIL], "nested_mail"),
        ([EHLO, MAIL, b"DATA\r\n"], "no_valid_recipients"),
        ([EHLO, b"MAIL FROM:<a@laptop>\r\n", RCPT], "address_not_full"),
        ([EHLO, b"MAIL FROM:<a@bad.test>\r\n", RCPT], "address_denied"),
        ([EHLO, b"MAIL FROM:<a@example.org> SIZE=99999999\r\n"], "too_big_declared"),
        ([EHLO, b"MAIL FROM:<a@example.org> NONSENSE=1\r\n"], "unknown_parameter"),
        ([EHLO, b"MAIL a@example.org\r\n"], "bad_syntax"),
        ([EHLO, MAIL, b"RCPT TO:<bob@example.net>\r\n"], "relay_denied"),
        ([EHLO, MAIL, b"RCPT TO:<bob@local.test>\r\n"], "user_unknown_local"),
        ([EHLO, MAIL, b"RCPT TO:<carol@mail.test>\r\n"], "user_unknown_virtual"),
        ([EHLO, MAIL, b"RCPT TO:<bob@relay.test>\r\n"], "user_unknown_relay"),
        ([EHLO, MAIL, b"RCPT TO:<grey@mail.test>\r\n"], "greylisted"),
        ([EHLO, MAIL, RCPT, RCPT], "too_many_recipients"),
        ([EHLO, MAIL, RCPT, b"DATA\r\n", BIG], "too_big"),
        ([EHLO, b"AUTH PLAIN AGEAYg==\r\n"], "auth_not_enabled"),
        ([EHLO, b"VRFY bob\r\n"], "vrfy_off"),
        ([EHLO, b"WHAT\r\n"], "unknown_command"),
        ([EHLO, b"NOOP\n"], "bare_lf"),
        ([EHLO, b"GET / HTTP/1.1\r\n"], "not_a_mail_client"),
        ([EHLO, b"a\r\n", b"b\r\n", b"c\r\n", b"d\r\n"], "too_many_errors"),
    ],
)
def test_a_refusal_of_a_real_postfix_is_recognised(strict: StrictPostfix, writes: list[bytes], name: str) -> None:
    answer, machine = last_answer(strict.port, writes)
    cause = find(answer.reply, Situation.of(machine, answer.pending, 25))
    assert cause is not None, answer.reply
    assert cause.id == f"postfix.{name}", answer.reply
