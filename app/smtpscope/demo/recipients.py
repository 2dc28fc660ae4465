"""What the practice server knows: its account and the recipients that show what a debugger is for.

Plain data, so that the README, the help and the command line can read it without loading a server.
"""

from typing import NamedTuple

ACCOUNT = ("alice", "wonderland")
"""User name and password that AUTH accepts."""

SENDER = "alice@example.org"
"""The reverse-path filled in for practice."""

FILLED_RECIPIENTS = ("reject@example.org", "bob@example.org")
"""The forward-paths filled in for practice: one refused, one accepted."""


class PracticeRecipient(NamedTuple):
    """A local part that is answered in its own way, at any domain.

    `reply` is the reply to RCPT without CRLF; `delay` seconds pass before it;
    `once` says that only the first RCPT for an address gets it, later ones are accepted.
    A reply with code 421 closes the connection (RFC 5321 section 3.8).
    """

    local_part: str
    reply: str
    meaning: str
    delay: float = 0.0
    once: bool = False


ACCEPTED = "250 2.1.5 Ok"
"""The reply to RCPT for everybody not in the table."""

PRACTICE_RECIPIENTS = (
    PracticeRecipient("reject", "550 5.1.1 No such user here", "refused for good: 550 5.1.1"),
    PracticeRecipient(
        "greylist", "450 4.2.0 Greylisted, try again later", "450 4.2.0 the first time, then accepted", once=True
    ),
    PracticeRecipient("full", "452 4.2.2 Mailbox is full", "refused for now: 452 4.2.2"),
    PracticeRecipient("slow", ACCEPTED, "accepted, but only after 3 seconds", delay=3.0),
    PracticeRecipient("close", "421 4.3.2 localhost closes the connection", "421, and the connection closes"),
)
