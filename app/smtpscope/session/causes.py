"""What a reply most likely means, why, and what to try next: the rows of ``causes.toml``, best match first.

The data and its format: ``docs/causes-format.md``. The file is read when the first reply is explained, not before.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NextTest:
    """Something that one key runs after a reply. Title and sentence are ours and printable."""

    title: str
    """At most 44 cells, for the list behind ``!``."""
    does: str
    """What is sent, as a sentence of at most 78 cells."""
    fresh: bool = False
    """It needs a new connection; the others use the one that stands, or a new one replayed to here if it is gone."""
    minutes: int = 0
    """How long to wait before, from the same address with the same envelope, and again until it is accepted."""


_AGAIN = "then the same again"

NEXT_TESTS: dict[str, NextTest] = {
    "starttls_again": NextTest(f"STARTTLS, EHLO, {_AGAIN}", "STARTTLS, EHLO inside TLS, then the same command again."),
    "auth_again": NextTest(f"AUTH, {_AGAIN}", "A login, then the same transaction up to the same command."),
    "other_mechanism": NextTest(
        "AUTH with another mechanism", "A login with the same credentials and the next mechanism that is offered."
    ),
    "other_user_form": NextTest(
        "AUTH with the other form of the name", "A login as user instead of user@domain, or the other way round."
    ),
    "full_name": NextTest(f"EHLO with a full domain name, {_AGAIN}", "EHLO with this host's full name, then the same."),
    "literal": NextTest(f"EHLO with our address, {_AGAIN}", "EHLO with our own address in brackets, then the same."),
    "helo": NextTest(f"HELO instead of EHLO, {_AGAIN}", "HELO with the same name, then the same command again."),
    "wait_1": NextTest("try again in 1 min", "The same envelope on a new connection, each minute.", True, 1),
    "wait_5": NextTest("try again in 5 min", "The same envelope on a new connection, every 5 minutes.", True, 5),
    "wait_15": NextTest("try again in 15 min", "The same envelope on a new connection, every 15 minutes.", True, 15),
    "wait_30": NextTest("try again in 30 min", "The same envelope on a new connection, every 30 minutes.", True, 30),
    "reconnect": NextTest(f"a new connection, {_AGAIN}", "The same steps once more on a new connection.", True),
    "one_by_one": NextTest(
        "a new connection, one command at a time", "The same steps, each only after the reply to the one before.", True
    ),
    "vrfy": NextTest("VRFY the same address", "VRFY with the address of the recipient."),
    "postmaster": NextTest("RCPT postmaster of the same domain", "RCPT TO:<postmaster@...> in the recipient's domain."),
    "local_postmaster": NextTest(
        "RCPT TO:<postmaster>, without a domain", "The one recipient that every server has to take (RFC 5321 4.5.1)."
    ),
    "made_up": NextTest(
        "RCPT a made-up name of the same domain", "Whether the server tells mailboxes that exist from others."
    ),
    "one_recipient": NextTest("the same with one recipient only", "RSET, then the transaction with this recipient."),
    "null_sender": NextTest("the same with MAIL FROM:<>", "RSET, then the transaction with the null reverse-path."),
    "own_sender": NextTest("the same, from the user that logged in", "RSET, then MAIL FROM with the login's address."),
    "without_param": NextTest("the same line without its parameters", "The same MAIL or RCPT, path only."),
    "rset_again": NextTest("RSET, then the same transaction", "RSET, then MAIL and RCPT as before."),
    "smaller": NextTest("the same with a message of 1 kB", "The same transaction with a message of 1,000 octets."),
    "noop": NextTest("NOOP: is the link alive?", "NOOP, which changes nothing."),
    "help": NextTest("HELP: what does it know?", "HELP, which changes nothing."),
    "port_25": NextTest("the same on port 25", "A new connection to port 25, the same steps.", True),
    "port_587": NextTest("the same on port 587", "A new connection to port 587 with STARTTLS, the same steps.", True),
    "port_465": NextTest("the same on port 465", "A new connection to port 465, TLS at once, the same steps.", True),
}  # fmt: skip
"""The id that a row of the data file gives -> the test."""
