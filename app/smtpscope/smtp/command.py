"""SMTPCommand: the documented SMTPCOMMAND enumeration.

Values and documented names are those of ``tagSMTPCOMMAND`` in Imnxport.h (Outlook Express); the page prints the
typedef's name as ``ACCESSTYPE``, an artefact of its generator. The sentences are ours.
"""

from __future__ import annotations

from enum import IntEnum


class SMTPCommand(IntEnum):
    """What has been issued to the server, and the states that follow an action; 0 to 14."""

    NONE = 0
    BANNER = 1
    CONNECTED = 2
    SEND_MESSAGE = 3
    AUTH = 4
    EHLO = 5
    HELO = 6
    MAIL = 7
    RCPT = 8
    RSET = 9
    QUIT = 10
    DATA = 11
    DOT = 12
    SEND_STREAM = 13
    CUSTOM = 14

    @property
    def documented_name(self) -> str:
        """The name in Imnxport.h, such as ``SMTP_SEND_STREAM``."""
        return f"SMTP_{self.name}"

    @property
    def meaning(self) -> str:
        """What the member stands for, as one plain sentence."""
        return _MEANINGS[self]


class C:
    """The members, for where they are used all the time: Python 3.11 makes a detour at each ``SMTPCommand.NONE``."""

    (NONE, BANNER, CONNECTED, SEND_MESSAGE, AUTH, EHLO, HELO, MAIL, RCPT, RSET, QUIT, DATA, DOT, SEND_STREAM,
     CUSTOM) = SMTPCommand  # fmt: skip


_MEANINGS = {
    SMTPCommand.NONE: "There is no session: not connected yet, or the connection is over.",
    SMTPCommand.BANNER: "The server has greeted us; the next thing to say is EHLO or HELO.",
    SMTPCommand.CONNECTED: "The session is ready for mail: greeted, and logged in if a login is wanted.",
    SMTPCommand.SEND_MESSAGE: "The message is over: the server has given its verdict on it.",
    SMTPCommand.AUTH: "A login exchange: the server answers each of our steps with 334 until it decides.",
    SMTPCommand.EHLO: "We said who we are and asked for extensions; a login may follow.",
    SMTPCommand.HELO: "We said who we are the old way, without extensions.",
    SMTPCommand.MAIL: "A mail transaction is open: the reverse-path has been given.",
    SMTPCommand.RCPT: "A forward-path has been given; more recipients may follow.",
    SMTPCommand.RSET: "The mail transaction is dropped and the session is as before MAIL.",
    SMTPCommand.QUIT: "We are leaving: the server says goodbye and the connection closes.",
    SMTPCommand.DATA: "The server waits for the message text.",
    SMTPCommand.DOT: "The lone dot that ends the message text; the server now decides.",
    SMTPCommand.SEND_STREAM: "All of the message text is out; only the dot is missing.",
    SMTPCommand.CUSTOM: "A verb without a member of its own, such as NOOP, VRFY or STARTTLS.",
}
