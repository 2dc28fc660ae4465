"""The TLS options of the command line, with swaks' names and meanings: their readers, and what they add up to.

Every reader raises ValueError with one plain sentence; text from the command line stands in it as given,
so whoever shows the sentence makes it safe first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from smtpscope.profile import Profile, check_text
from smtpscope.smtp.tls_options import USUAL, TLSOptions, Verify, check_pair, parse_protocols
from smtpscope.values import read_place, readable

HELP = r"""smtpscope: the options for TLS, with swaks' names; one dash or two, = or not.
  smtpscope mail.example.org -tls -tlsp tlsv1_2 --tls-sni other.example.org
  smtpscope mail.example.org -tlsc --tls-cert me.pem --tls-key me.key

  -tls, -tlsc                STARTTLS, or TLS from the first octet on
  -tlso, -tlsos              STARTTLS if it is offered; -tlso goes on in clear
                             where it is refused, too
  --tls-on-connect           -tlsc; --tls-optional is -tlso, and -tlsos is
                             --tls-optional-strict
  -tlsp --tls-protocol LIST  of tlsv1,tlsv1_1,tlsv1_2,tlsv1_3, or each with no_
  --tls-cipher STRING        OpenSSL's cipher string; TLS_... are those of 1.3
  --tls-sni NAME             the name to ask for; '' sends none
  --tls-verify               both verdicts have to be good (the default)
  --tls-verify-ca            only that of the authorities stops the session
  --tls-verify-host          only that of the name does; both are shown always
  --tls-verify-target NAME   the name that the certificate has to be for
  --tls-insecure             neither stops it, and nothing is asked
  --tls-ca-path PATH         a PEM file or folder to trust beside the system's
  --tls-cert FILE            our certificate, with --tls-key FILE its key, and
  --tls-chain FILE           what lies between it and its root
  --tls-get-peer-cert [FILE]   write the server's certificate as PEM, or print
  --tls-get-peer-chain [FILE]  it on leaving; its whole chain
  --keylog FILE              append the session's keys, for Wireshark"""


class Option(NamedTuple):
    """One option: click's name for it, and those of the command line; without a metavar it is a flag."""

    name: str
    names: tuple[str, ...]
    metavar: str = ""
    reader: Callable[[str], object] = str


# -- single values


def read_name(text: str) -> str:
    """A name for SNI, empty for none."""
    if len(text.encode("utf-8", "replace")) > 255:
        raise ValueError("The name for --tls-sni is longer than 255 octets.")
    return check_text(text, "name for --tls-sni")


def read_target(text: str) -> str:
    """The name that the certificate has to be for."""
    if not text:
        raise ValueError("The name for --tls-verify-target is empty.")
    return check_text(text, "name for --tls-verify-target")


def read_cipher(text: str) -> str:
    """A cipher string; whether OpenSSL knows it is known once that is loaded."""
    if not text:
        raise ValueError("The cipher string is empty.")
    return check_text(text, "cipher string")


def read_pem(path: str) -> str:
    """A file of ours that can be read."""
    readable(path)
    return path


def read_written(path: str) -> str:
    """A file that can probably be written; whether it can is known once it is."""
    if os.path.isdir(path):
        raise ValueError(f"{path} cannot be written: it is a folder.")
    return read_place(path)


def read_keylog(path: str) -> str:
    """The same, and a name is needed."""
    if not path:
        raise ValueError("--keylog takes the name of a file.")
    return read_written(path)


OPTIONS = (
    Option("tlso", ("-tlso", "--tls-optional")),
    Option("tlsos", ("-tlsos", "--tls-optional-strict")),
    Option("tls_protocol", ("--tls-protocol", "-tlsp"), "LIST", parse_protocols),
    Option("tls_cipher", ("--tls-cipher",), "STRING", read_cipher),
    Option("tls_sni", ("--tls-sni",), "NAME", read_name),
    Option("tls_verify", ("--tls-verify",)),
    Option("tls_verify_ca", ("--tls-verify-ca",)),
    Option("tls_verify_host", ("--tls-verify-host",)),
    Option("tls_verify_target", ("--tls-verify-target",), "NAME", read_target),
    Option("tls_cert", ("--tls-cert",), "FILE", read_pem),
    Option("tls_key", ("--tls-key",), "FILE", read_pem),
    Option("tls_chain", ("--tls-chain",), "FILE", read_pem),
    Option("tls_get_peer_cert", ("--tls-get-peer-cert",), "[FILE]", read_written),
    Option("tls_get_peer_chain", ("--tls-get-peer-chain",), "[FILE]", read_written),
    Option("keylog", ("--keylog",), "FILE", read_keylog),
)
"""Those beside -tls, -tlsc, --tls-ca-path and --tls-insecure."""
NAMES = tuple(option.name for option in OPTIONS)
WITHOUT_VALUE = ("tls_get_peer_cert", "tls_get_peer_chain")
"""Options whose value may be left out."""


# -- all together


def profile_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a Profile that these options make; ValueError where they contradict each other."""
    modes = [name for name in ("-tls", "-tlsc", "-tlso", "-tlsos") if given[name[1:]]]
    if modes == ["-tls", "-tlsc"]:
        raise ValueError("-tls is STARTTLS and -tlsc is TLS from the first octet on: choose one.")
    if len(modes) > 1:
        raise ValueError(f"{' and '.join(modes)} do not go together: choose one.")
    check_pair(given["tls_cert"], given["tls_key"], given["tls_chain"])
    verify = [name for name in ("tls_verify", "tls_verify_ca", "tls_verify_host") if given[name]]
    if verify and given["tls_insecure"]:
        raise ValueError(f"--{verify[0].replace('_', '-')} and --tls-insecure contradict each other: choose one.")
    narrowed: dict[str, Verify] = {"tls_verify_ca": "ca", "tls_verify_host": "host"}
    counts: Verify = narrowed.get(verify[0], "both") if len(verify) == 1 else "both"
    return {
        "tls": "implicit" if given["tlsc"] else "starttls" if modes else "none",
        "tls_optional": "any" if given["tlso"] else "strict" if given["tlsos"] else "",
        "tls_ca_path": given["tls_ca_path"],
        "tls_insecure": given["tls_insecure"],
        "tls_options": TLSOptions(
            protocols=given["tls_protocol"] or USUAL,
            cipher=given["tls_cipher"],
            sni=given["tls_sni"],
            verify=counts,
            target=given["tls_verify_target"],
            cert=given["tls_cert"],
            key=given["tls_key"],
            chain=given["tls_chain"],
            keylog=given["keylog"],
        ),
        "tls_get_peer_cert": given["tls_get_peer_cert"],
        "tls_get_peer_chain": given["tls_get_peer_chain"],
    }


def words_of(profile: Profile) -> Iterator[str]:
    """The words that give a profile's TLS options again; what was written down for one run is left out."""
    options = profile.tls_options
    if profile.tls == "implicit":
        yield "-tlsc"
    elif profile.tls == "starttls":
        yield {"any": "-tlso", "strict": "-tlsos"}.get(profile.tls_optional, "-tls")
    if profile.tls_insecure:
        yield "--tls-insecure"
    if options.verify != "both":
        yield f"--tls-verify-{options.verify}"
    for name, value in (
        ("--tls-ca-path", profile.tls_ca_path and os.path.abspath(profile.tls_ca_path)),
        ("-tlsp", ",".join(options.protocols) if options.protocols != USUAL else None),
        ("--tls-cipher", options.cipher),
        ("--tls-sni", options.sni),
        ("--tls-verify-target", options.target),
        ("--tls-cert", options.cert and os.path.abspath(options.cert)),
        ("--tls-key", options.key and os.path.abspath(options.key)),
        ("--tls-chain", options.chain and os.path.abspath(options.chain)),
    ):
        if value is not None:
            yield from (f"{name}={value}",) if value.startswith("-") else (name, value)
