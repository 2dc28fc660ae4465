"""What servers showed before is remembered, for the owner alone, and no file of any kind does harm."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers import certificates
from smtpscope.session.certificates import described
from smtpscope.session.known_certificates import LIMIT, NAME, Known, KnownCertificates
from smtpscope.session.tls_report import changed


def der(name: str) -> bytes:
    issued = certificates.authority().issue_cert(name)
    return ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())


FIRST, SECOND = der("mx.test"), der("mx.test")


def test_the_next_run_knows_what_this_one_saw(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    assert KnownCertificates(folder).note("MX.test", 25, [FIRST], 1000.0) is None
    known = KnownCertificates(folder)
    before = known.note("mx.test", 25, [SECOND], 2000.0)
    assert before is not None
    assert (before.sha256, before.pin, before.seen) == (described(FIRST).fingerprint, described(FIRST).pin, 1000.0)
    again = known.note("mx.test", 25, [SECOND], 3000.0)
    assert again is not None
    assert (again.sha256, again.seen) == (described(SECOND).fingerprint, 2000.0)
    assert known.note("mx.test", 587, [SECOND], 3000.0) is None  # another port may be another server
    assert (folder / NAME).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o077 == 0
    assert [path.name for path in folder.iterdir()] == [NAME]


def test_another_name_asked_for_is_another_server() -> None:
    """One address has many certificates: SNI chooses among them, and a variation asks for one after the other."""
    known = KnownCertificates(None)
    assert known.note("mx.test", 25, [FIRST], 1.0, "mx.test") is None
    assert known.note("mx.test", 25, [SECOND], 2.0, "other.test") is None
    assert known.note("mx.test", 25, [SECOND], 3.0, "") is None
    for sni in ("mx.test", "MX.test"):
        before = known.note("MX.test.", 25, [FIRST], 4.0, sni)
        assert before is not None
        assert before.sha256 == described(FIRST).fingerprint


def test_without_writing_nothing_is_left_behind(tmp_path: Path) -> None:
    for known in (KnownCertificates(tmp_path, writes=False), KnownCertificates(None)):
        assert known.note("mx.test", 25, [FIRST], 1.0) is None
        assert known.note("mx.test", 25, [FIRST], 2.0) is not None
        assert known.note("mx.test", 25, [], 3.0) is None
    assert list(tmp_path.iterdir()) == []


ROW = {"sha256": "ab", "pin": "cd", "until": 1.5, "seen": 2}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "nonsense",
        "[" * 100_000,
        '{"mx.test:25": 7}',
        json.dumps({"mx.test:25": ROW | {"seen": "now"}}),
        json.dumps({"mx.test:25": ROW | {"until": 1e300}}),
        json.dumps({"mx.test:25": ROW | {"seen": -9e10}}),
        json.dumps({"mx.test:25": ROW | {"pin": None}}),
        '{"mx.test:25": {"sha256": "ab", "pin": "cd", "until": NaN, "seen": 1}}',
    ],
)
def test_a_broken_file_is_none_and_is_written_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / NAME).write_text(content)
    assert KnownCertificates(tmp_path).note("mx.test", 25, [FIRST], 1.0) is None
    assert KnownCertificates(tmp_path).note("mx.test", 25, [FIRST], 2.0) is not None


def test_what_is_whole_in_a_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(json.dumps({"a.test:25": ROW, "b.test:25": 7}))
    assert KnownCertificates(tmp_path).note("a.test", 25, [FIRST], 5.0) == Known("ab", "cd", 1.5, 2.0)


@pytest.mark.parametrize("until", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
def test_a_certificate_that_never_ends_is_known_again(tmp_path: Path, until: datetime) -> None:
    row = ROW | {"until": until.timestamp()}
    (tmp_path / NAME).write_text(json.dumps({"a.test:25": row}))
    earlier = KnownCertificates(tmp_path).note("a.test", 25, [FIRST], 5.0)
    assert earlier is not None
    assert f"the old one ends or ended on {until:%Y-%m-%d}" in changed(earlier, [FIRST], 5.0)


def test_a_folder_in_its_place_or_one_that_cannot_be_made_is_survived(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    (tmp_path / "file").touch()
    for folder in (tmp_path, tmp_path / "file" / "state"):
        known = KnownCertificates(folder)
        known.note("mx.test", 25, [FIRST], 1.0)
        assert known.note("mx.test", 25, [SECOND], 2.0) is not None


def test_it_does_not_grow_for_ever(tmp_path: Path) -> None:
    rows = {f"h{number}.test:25": ROW | {"seen": number} for number in range(LIMIT + 500)}
    (tmp_path / NAME).write_text(json.dumps(rows))
    KnownCertificates(tmp_path).note("mx.test", 25, [FIRST], 9999.0)
    kept = json.loads((tmp_path / NAME).read_text())
    assert len(kept) == LIMIT
    assert "mx.test:25" in kept
    assert "h0.test:25" not in kept


@given(octets=st.binary(max_size=100))
def test_octets_that_are_no_certificate_are_remembered_too(octets: bytes) -> None:
    known = KnownCertificates(None)
    known.note("mx.test", 25, [octets], 1.0)
    before = known.note("mx.test", 25, [FIRST], 2.0)
    assert before is not None
    assert before.sha256 == described(octets).fingerprint
