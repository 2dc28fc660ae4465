"""The server's certificates land in the files that were asked for."""

from __future__ import annotations

import ssl
from pathlib import Path

from smtpscope.session.peer_files import PeerFiles
from smtpscope.smtp.events import Closed, Secured

SHOWN = Secured(0.0, "TLSv1.3", "X", 256, "mail.test", chain=(b"leaf", b"issuer"))
AGAIN = SHOWN._replace(chain=(b"another",))


def certificates(text: str) -> list[bytes]:
    end = "-----END CERTIFICATE-----\n"
    return [ssl.PEM_cert_to_DER_cert(block + end) for block in text.split(end)[:-1]]


def test_each_handshake_writes_them_anew(tmp_path: Path) -> None:
    cert, chain = tmp_path / "cert.pem", tmp_path / "chain.pem"
    files = PeerFiles(str(cert), str(chain))
    files(Closed(0.0, "over"))
    assert not cert.exists()
    files(SHOWN)
    assert certificates(cert.read_text()) == [b"leaf"]
    assert certificates(chain.read_text()) == [b"leaf", b"issuer"]
    files(AGAIN)
    assert certificates(chain.read_text()) == [b"another"]
    assert files.problem == files.on_leaving == ""


def test_without_a_file_the_last_ones_are_for_the_end() -> None:
    files = PeerFiles(None, "")
    files(AGAIN)
    files(SHOWN)
    assert certificates(files.on_leaving) == [b"leaf", b"issuer"]


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    files = PeerFiles(str(tmp_path), None)
    files(SHOWN)
    assert files.problem == f"The certificate could not be written to {tmp_path}: Is a directory."
    assert PeerFiles("\0", None)(SHOWN) is None
