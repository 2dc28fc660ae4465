"""Sessions as they can occur, as events with fixed times: for snapshots, goldens and the README's picture."""

from __future__ import annotations

from smtpscope.profile import Profile
from smtpscope.secret import Secret
from smtpscope.session.recorder import Recorder
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import (
    Asked,
    Closed,
    Connect,
    Event,
    Issued,
    Link,
    LinkStatus,
    Opened,
    Progress,
    Received,
    Secured,
    Sent,
    StartTls,
    Step,
)

WALL = 1_700_000_000.0
"""Time zero of every recording, in seconds since the Unix epoch."""

PROFILE = Profile(
    "mx1.example.org",
    587,
    helo="client.example.net",
    mail_from="alice@example.org",
    rcpt_to=("carol@example.org", "bob@example.org", "dave@example.org"),
    tls="starttls",
    login_wanted=True,
    user="alice",
    password=Secret("wonderland"),
)


class Recording:
    """Writes a session down, one exchange a call; ``at`` is the time of the last event."""

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.at = 0.0
        self.tls = False

    def event(self, event: Event) -> Recording:
        self.recorder.append(event)
        return self

    def connect(self) -> Recording:
        self.event(Opened(0.0, PROFILE.server, PROFILE.port, want_login=True, wall=WALL))
        self.event(Issued(0.0, Connect(), "connect"))
        self.event(Link(0.001, LinkStatus.FINDINGHOST, PROFILE.server))
        self.event(Link(0.009, LinkStatus.CONNECTING, "192.0.2.7 port 587"))
        detail = "connected to 192.0.2.7 in 31 ms, waiting for the greeting"
        self.at = 0.031
        return self.event(Link(self.at, LinkStatus.CONNECTED, detail, "192.0.2.7", "198.51.100.4"))

    def says(self, data: bytes, after: float) -> Recording:
        self.at += after
        return self.event(Received(self.at, data, self.tls))

    def send(self, line: bytes, step: Step, after: float = 0.8, user: str = "", secret: bytes = b"") -> Recording:
        self.at += after
        self.event(Issued(self.at, step, line.decode(), user))
        spans = ((line.index(secret), len(line)),) if secret else ()
        return self.event(Sent(self.at, line + b"\r\n", self.tls, spans))

    def exchange(self, line: bytes, step: Step, reply: bytes, took: float = 0.004, after: float = 0.8) -> Recording:
        return self.send(line, step, after).says(reply, took)

    def starttls(self) -> Recording:
        self.exchange(b"STARTTLS", StartTls(), b"220 2.0.0 Ready to start TLS\r\n")
        self.event(Link(self.at, LinkStatus.SECURING, PROFILE.server, "192.0.2.7", "198.51.100.4"))
        self.at += 0.031
        self.tls = True
        self.event(Secured(self.at, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, PROFILE.server))
        return self.event(Link(self.at, LinkStatus.CONNECTED, "TLS", "192.0.2.7", "198.51.100.4"))


C = SMTPCommand
EHLO_CLEAR = (
    b"250-mx1.example.org\r\n250-PIPELINING\r\n250-SIZE 10485760\r\n250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n"
    b"250-8BITMIME\r\n250 SMTPUTF8\r\n"
)
EHLO_TLS = EHLO_CLEAR.replace(b"250-STARTTLS\r\n", b"250-AUTH PLAIN LOGIN CRAM-MD5\r\n")


def start() -> Recorder:
    """Nothing yet."""
    return Recorder()


def waiting() -> Recorder:
    """TCP is up, the greeting has not come."""
    return Recording().connect().recorder


def logged_in() -> Recording:
    """STARTTLS and AUTH are done."""
    recording = Recording().connect().says(b"220 mx1.example.org ESMTP Postfix\r\n", 0.012)
    recording.exchange(b"EHLO client.example.net", C.EHLO, EHLO_CLEAR, 0.002)
    recording.starttls().exchange(b"EHLO client.example.net", C.EHLO, EHLO_TLS, 0.002)
    token = b"AGFsaWNlAHdvbmRlcmxhbmQ="
    recording.send(b"AUTH PLAIN " + token, C.AUTH, user="alice", secret=token)
    return recording.says(b"235 2.7.0 Authentication successful\r\n", 0.070)


def in_transaction() -> Recording:
    """One recipient refused, two accepted, DATA sent and not answered."""
    recording = logged_in().exchange(b"MAIL FROM:<alice@example.org>", C.MAIL, b"250 2.1.0 Ok\r\n")
    refusal = b"550 5.1.1 <carol@example.org>: Recipient address rejected: unknown user\r\n"
    recording.exchange(b"RCPT TO:<carol@example.org>", C.RCPT, refusal)
    recording.exchange(b"RCPT TO:<bob@example.org>", C.RCPT, b"250 2.1.5 Ok\r\n")
    recording.exchange(b"RCPT TO:<dave@example.org>", C.RCPT, b"250 2.1.5 Ok\r\n")
    return recording.send(b"DATA", C.DATA)


def finished() -> Recorder:
    """A message sent, and goodbye."""
    recording = in_transaction().says(b"354 End data with <CR><LF>.<CR><LF>\r\n", 0.4)
    text = b"Subject: test\r\nFrom: <alice@example.org>\r\n\r\nThis is a test.\r\n"
    recording.at += 0.7
    recording.event(Issued(recording.at, C.SEND_STREAM, "message text"))
    recording.event(Sent(recording.at, text, True))
    recording.event(Progress(recording.at + 0.001, len(text), len(text), done=True))
    recording.exchange(b".", C.DOT, b"250 2.0.0 Ok: queued as 4Wb7Xz2Kq9\r\n", 0.085)
    recording.exchange(b"QUIT", C.QUIT, b"221 2.0.0 Bye\r\n")
    return recording.event(Closed(recording.at, "said goodbye")).recorder


def questioned() -> Recorder:
    """The certificate is bad, and the user is asked."""
    recording = Recording().connect().says(b"220 mx1.example.org ESMTP Postfix\r\n", 0.012)
    recording.exchange(b"EHLO client.example.net", C.EHLO, EHLO_CLEAR, 0.002)
    recording.exchange(b"STARTTLS", StartTls(), b"220 2.0.0 Ready to start TLS\r\n")
    recording.event(Link(recording.at, LinkStatus.SECURING, PROFILE.server))
    fault = "the certificate expired 3 days ago (2023-11-11)"
    recording.event(Secured(recording.at, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, PROFILE.server, (fault,)))
    text = f"{PROFILE.server}: {fault}"
    return recording.event(Asked(recording.at, "certificate", text, ("close", "go on, once"))).recorder


STATES = {
    "start": start,
    "waiting": waiting,
    "in_transaction": lambda: in_transaction().recorder,
    "finished": finished,
    "questioned": questioned,
}
"""Name -> what makes the recording."""
