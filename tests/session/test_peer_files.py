"""The server's certificates land in the files that were asked for."""

from __future__ import annotations

import ssl
from pathlib import Path

from servers.scripted import Peer
from session.driving import driving
from smtpscope.session.peer_files import PeerFiles, printed
from smtpscope.smtp.events import Closed, Event, Failed, Secured

SHOWN = Secured(0.0, "TLSv1.3", "X", 256, "mail.test", chain=(b"leaf", b"issuer"))
AGAIN = SHOWN._replace(chain=(b"another",))


def certificates(text: str) -> list[bytes]:
    end = "-----END CERTIFICATE-----\n"
    return [ssl.PEM_cert_to_DER_cert(block + end) for block in text.split(end)[:-1]]


def test_each_handshake_writes_them_anew(tmp_path: Path) -> None:
    cert, chain = tmp_path / "cert.pem", tmp_path / "chain.pem"
    problems: list[str] = []
    files = PeerFiles(str(cert), str(chain), problems.append)
    files(Closed(0.0, "over"))
    assert not cert.exists()
    files(SHOWN)
    assert certificates(cert.read_text()) == [b"leaf"]
    assert certificates(chain.read_text()) == [b"leaf", b"issuer"]
    files(AGAIN)
    assert certificates(chain.read_text()) == [b"another"]
    assert problems == []


def test_without_a_file_the_last_ones_are_printed_at_the_end() -> None:
    events: list[Event] = [AGAIN, SHOWN, Closed(0.0, "over")]
    assert certificates(printed(None, "", events)) == [b"leaf", b"issuer"]
    assert certificates(printed("", None, events)) == [b"leaf"]
    assert printed("", "", []) == printed("a.pem", None, events) == ""
    PeerFiles("", None, print)(SHOWN)


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    problems: list[str] = []
    PeerFiles(str(tmp_path), None, problems.append)(SHOWN)
    assert problems == [f"the certificate could not be written to {tmp_path} (Is a directory)"]


async def test_a_session_writes_them(tmp_path: Path, ca_pem: bytes) -> None:
    (tmp_path / "ca.pem").write_bytes(ca_pem)

    async def handler(peer: Peer) -> None:
        await peer.starttls()
        await peer.send(b"220 mail.test\r\n")
        await peer.gone()

    given = {"tls_get_peer_cert": str(tmp_path / "peer.pem"), "tls_get_peer_chain": str(tmp_path / "no" / "x.pem")}
    profile = {"tls": "implicit", "tls_ca_path": str(tmp_path / "ca.pem"), "auto": "banner"}
    async with driving(handler, **given, **profile) as driven:
        await driven.until(lambda: driven.of(Secured))
        await driven.idle()
        assert certificates((tmp_path / "peer.pem").read_text()) == list(driven.of(Secured)[0].chain[:1])
        assert "could not be written to" in driven.of(Failed)[0].reason
