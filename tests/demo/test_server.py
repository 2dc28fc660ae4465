"""The practice server keeps every promise that the help and the README make."""

import base64
import os
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtpscope.demo.recipients import ACCOUNT, PRACTICE_RECIPIENTS
from smtpscope.demo.server import PracticeServer, with_enhanced_code


@pytest.fixture
def server() -> Iterator[PracticeServer]:
    with PracticeServer() as running:
        yield running


@pytest.fixture
def client(server: PracticeServer) -> Iterator[smtplib.SMTP]:
    with connected(server) as smtp:
        smtp.ehlo("client.test")
        yield smtp


def connected(server: PracticeServer) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", server.port, timeout=20)


def trusting(server: PracticeServer) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=server.ca_pem.decode())


def handshake(server: PracticeServer, name: str) -> None:
    """Do STARTTLS and verify the certificate for `name`."""
    with connected(server) as smtp:
        smtp.ehlo("client.test")
        assert smtp.docmd("STARTTLS") == (220, b"2.0.0 Ready to start TLS")
        assert smtp.sock is not None
        smtp.sock = trusting(server).wrap_socket(smtp.sock, server_hostname=name)
        smtp.file = None  # smtplib's reader of the clear stream
        assert smtp.noop()[0] == 250


@pytest.fixture
def secured(server: PracticeServer, client: smtplib.SMTP) -> smtplib.SMTP:
    assert client.starttls(context=trusting(server))[0] == 220
    client.ehlo("client.test")
    return client


def test_it_announces_what_it_can_and_auth_only_inside_tls(client: smtplib.SMTP, server: PracticeServer) -> None:
    before = set(client.esmtp_features)
    client.starttls(context=trusting(server))
    client.ehlo("client.test")

    assert before == {"size", "8bitmime", "smtputf8", "starttls", "enhancedstatuscodes", "help"}
    assert set(client.esmtp_features) == before - {"starttls"} | {"auth"}
    assert client.esmtp_features["auth"].split() == ["CRAM-MD5", "LOGIN", "PLAIN"]


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_its_certificate_is_good_for_every_name_it_has(server: PracticeServer, name: str) -> None:
    handshake(server, name)


def test_its_certificate_is_not_good_for_another_name(server: PracticeServer) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server, "elsewhere.test")


@pytest.mark.parametrize("mechanism", ["auth_plain", "auth_login", "auth_cram_md5"])
def test_alice_gets_in_by_every_mechanism_and_nobody_else(secured: smtplib.SMTP, mechanism: str) -> None:
    name = mechanism.removeprefix("auth_").replace("_", "-").upper()
    method = getattr(secured, mechanism)

    secured.user, secured.password = ACCOUNT[0], "looking-glass"
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        secured.auth(name, method)
    assert str(refused.value).startswith("(535, b'5.7.8 ")

    secured.user, secured.password = ACCOUNT
    assert secured.auth(name, method) == (235, b"2.7.0 Authentication successful")


def test_mechanism_names_are_the_same_in_any_case(secured: smtplib.SMTP) -> None:
    response = base64.b64encode(b"\0alice\0wonderland").decode()
    assert secured.docmd("auth", f"plain {response}")[0] == 235


def test_auth_outside_tls_is_refused(client: smtplib.SMTP) -> None:
    assert client.docmd("AUTH", "PLAIN")[0] == 538


def test_a_whole_session_delivers_the_message_and_names_its_queue_id(
    secured: smtplib.SMTP, server: PracticeServer
) -> None:
    secured.login(*ACCOUNT)
    assert secured.mail("alice@example.org") == (250, b"2.1.0 Ok")
    assert secured.rcpt("reject@example.org")[0] == 550
    assert secured.rcpt("bob@example.org") == (250, b"2.1.5 Ok")
    code, text = secured.data(b"Subject: tea\r\n\r\n.at five\r\n")

    message = server.messages[-1]
    assert (code, text) == (250, b"2.0.0 Ok: queued as " + message.queue_id.encode())
    assert message.reverse_path == "alice@example.org"
    assert message.forward_paths == ("bob@example.org",)
    assert message.content == b"Subject: tea\r\n\r\n.at five\r\n"
    assert secured.quit() == (221, b"2.0.0 Bye")


def test_it_keeps_only_the_newest_hundred_messages(client: smtplib.SMTP, server: PracticeServer) -> None:
    for number in range(101):
        client.sendmail("alice@example.org", ["bob@example.org"], f"Subject: {number}\r\n\r\n")

    assert len(server.messages) == 100
    assert server.messages[0].content.startswith(b"Subject: 1\r\n")


@pytest.mark.parametrize(
    ("recipient", "code", "enhanced"),
    [("reject", 550, b"5.1.1"), ("full", 452, b"4.2.2"), ("REJECT", 550, b"5.1.1"), ("bob", 250, b"2.1.5")],
)
@pytest.mark.parametrize("domain", ["example.org", "mail.test"])
def test_a_recipient_is_answered_by_local_part_at_any_domain(
    client: smtplib.SMTP, recipient: str, domain: str, code: int, enhanced: bytes
) -> None:
    client.mail("alice@example.org")
    for _ in range(2):
        answered, text = client.rcpt(f"{recipient}@{domain}")
        assert (answered, text.split()[0]) == (code, enhanced)


def test_greylist_is_put_off_once_per_address_and_server(server: PracticeServer) -> None:
    def greylisted(address: str) -> int:
        with connected(server) as smtp:
            smtp.ehlo("client.test")
            smtp.mail("alice@example.org")
            return smtp.rcpt(address)[0]

    answers = [greylisted(address) for address in ("greylist@a.test", "greylist@A.test", "greylist@b.test")]
    assert answers == [450, 250, 450]


def test_slow_answers_after_three_seconds(client: smtplib.SMTP) -> None:
    client.mail("alice@example.org")
    begun = time.monotonic()
    assert client.rcpt("slow@example.org") == (250, b"2.1.5 Ok")
    assert 2.9 <= time.monotonic() - begun < 10


@pytest.mark.parametrize("tls", [False, True])
def test_close_says_421_and_closes(server: PracticeServer, client: smtplib.SMTP, tls: bool) -> None:
    if tls:
        client.starttls(context=trusting(server))
        client.ehlo("client.test")
    client.mail("alice@example.org")
    client.putcmd("rcpt", "TO:<close@example.org>")
    assert client.sock is not None
    received = b""
    while octets := client.sock.recv(4096):
        received += octets
    assert received == b"421 4.3.2 localhost closes the connection\r\n"
    client.close()


def test_every_practice_recipient_says_in_words_what_it_answers() -> None:
    for recipient in PRACTICE_RECIPIENTS:
        code = recipient.reply[:3]
        assert code in recipient.meaning or code == "250"


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"NOOP", b"250 2.0.0 "),
        (b"RSET", b"250 2.0.0 "),
        (b"VRFY bob", b"252 2.0.0 "),
        (b"EXPN staff", b"502 5.5.1 "),
        (b"HELP", b"214-2.0.0 "),
        (b"FROBNICATE \x1b[2J", b"500 5.5.2 "),
        (b"DATA", b"503 5.5.1 "),
        (b"RCPT TO:<bob@example.org>", b"503 5.5.1 "),
        (b'RCPT TO:"', b"503 5.5.1 "),
        (b"MAIL FROM:<a@example.org> SIZE=99999999999", b"552 5.3.4 "),
        (b"MAIL FROM:<a@example.org> RET=HDRS", b"555 5.5.4 "),
        (b"MAIL", b"501 5.5.4 "),
        (b"AUTH", b"538 5.7.11 "),
        (b"x" * 5000, b"500 5.5.2 "),
        (b"", b"500 5.5.2 "),
        (b"\x00\x00", b"500 5.5.2 "),
        (b'VRFY "', b"501 5.5.2 "),
    ],
)
def test_every_command_gets_one_reply_with_an_enhanced_status_code(
    client: smtplib.SMTP, line: bytes, reply: bytes
) -> None:
    assert client.sock is not None
    client.sock.sendall(line + b"\r\n")
    code, text = client.getreply()
    assert (b"%d %s" % (code, text)).startswith(reply.replace(b"-", b" ")), text
    assert text.isascii()
    assert client.noop()[0] == 250


def test_the_null_path_is_a_sender_but_no_recipient(client: smtplib.SMTP) -> None:
    assert client.mail("") == (250, b"2.1.0 Ok")
    assert client.rcpt("")[0] == 501


def test_a_second_starttls_is_refused(secured: smtplib.SMTP) -> None:
    assert secured.docmd("STARTTLS") == (503, b"5.5.1 TLS is already active")


def test_unknown_verbs_are_no_reason_to_hang_up(client: smtplib.SMTP) -> None:
    assert {client.docmd("FROBNICATE")[0] for _ in range(50)} == {500}


def test_an_idle_client_is_not_thrown_out_for_more_than_an_hour(server: PracticeServer, secured: smtplib.SMTP) -> None:
    (connection,) = server._connections
    assert connection._timeout_handle is not None
    assert connection._timeout_handle.when() - server._loop.time() > 3600


def test_replies_that_have_a_code_of_their_own_stay_as_they_are() -> None:
    for reply in ("250-localhost", "250 HELP", "220 localhost ESMTP", "553 5.1.3 Error: malformed address"):
        assert with_enhanced_code(reply) == reply


@pytest.mark.filterwarnings("error")
def test_hostile_clients_leave_no_trace_and_do_no_harm(
    server: PracticeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    openings = [
        b"",
        b"\x00" * 4096,
        b"\xff" * 4096 + b"\r\n",
        b"x" * 200_000,
        b"EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@b.test>\r\nDATA\r\n" + b"y" * 100_000,
        b"EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<slow@b.test>\r\n",
        b"EHLO c\r\nSTARTTLS\r\n",
        b"EHLO c\r\nSTARTTLS\r\nthis is no handshake\r\n",
        b"EHLO c\r\n" + b"NOOP\r\n" * 2000,
    ]
    for opening in openings:
        for linger in (True, False):
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
                assert raw.recv(4096).startswith(b"220 ")
                raw.sendall(opening)
                if linger:  # closing now sends RST instead of FIN
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with connected(server) as smtp:
        assert smtp.noop()[0] == 250
    server.stop()
    assert capfd.readouterr() == ("", "")


def test_stop_drops_clients_and_frees_the_port(server: PracticeServer, client: smtplib.SMTP) -> None:
    server.stop()
    server.stop()
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()
    with PracticeServer(server.port) as again, connected(again) as smtp:
        assert smtp.noop()[0] == 250


def test_a_port_that_cannot_be_had_is_one_clear_sentence(server: PracticeServer) -> None:
    with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1 port {server.port}: Address already in use\.$"):
        PracticeServer(server.port).start()
    with pytest.raises(OSError, match=r"port 70000: there is no such port\.$"):
        PracticeServer(70000).start()


def serve_only(port: int, folder: Path) -> subprocess.Popen[str]:
    code = f"import sys; from smtpscope.demo.server import serve_only; sys.exit(serve_only({port}))"
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_alone_it_says_how_to_reach_it_and_leaves_when_interrupted(tmp_path: Path, how: signal.Signals) -> None:
    with serve_only(0, tmp_path) as process:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        port = int(words[1].removeprefix("localhost:"))
        ca_path = tmp_path / words[words.index("--tls-ca-path") + 1]
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as smtp:
            smtp.starttls(context=ssl.create_default_context(cafile=str(ca_path)))
            smtp.login(words[words.index("-au") + 1], words[words.index("-ap") + 1])
            os.kill(process.pid, how)
            assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0


def test_alone_a_taken_port_or_a_folder_it_cannot_write_is_one_sentence(tmp_path: Path, server: PracticeServer) -> None:
    with serve_only(server.port, tmp_path) as process:
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err.count("\n")) == (1, "", 1)
        assert "Address already in use" in err
        assert list(tmp_path.iterdir()) == []
    (tmp_path / "smtpscope-demo-ca.pem").mkdir()
    with serve_only(0, tmp_path) as process:
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out) == (1, "")
        assert err == "Cannot write smtpscope-demo-ca.pem into the current folder: Is a directory.\n"
