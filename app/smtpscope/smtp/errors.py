"""What can go wrong with the link. A refusal is a Reply and never one of these."""

from __future__ import annotations

from aiosmtplib.errors import SMTPConnectError, SMTPException, SMTPServerDisconnected, SMTPTimeoutError


class TransportError(SMTPException):
    """The base of all. The text is one sentence that says what was happening and what went wrong."""


class NotConnected(TransportError, SMTPServerDisconnected):
    """A command was issued without a connection."""


class AlreadyConnected(TransportError):
    """Connect was issued on a connection."""


class ConnectFailed(TransportError, SMTPConnectError):
    """No connection came about: host not found, refused, unreachable, or too slow."""


class HandshakeFailed(TransportError, SMTPConnectError):
    """The TLS handshake failed, or its verdict ended the connection."""


class ConnectionLost(TransportError, SMTPServerDisconnected):
    """The connection ended before the reply came."""


class ReplyTimeout(TransportError, SMTPTimeoutError):
    """The reply did not come in time. It is still owed: wait longer, give up, or forget it."""


class Declined(TransportError):
    """The user was asked and said no; nothing was sent."""


class NotProved(TransportError):
    """The server accepted a login and has not shown that it knows the password: it may be another one."""
