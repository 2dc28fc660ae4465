"""Server certificates with every fault a client has to name, all made on the spot."""

import ssl
import tempfile
import warnings
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAMES = ("localhost", "mail.test", "127.0.0.1", "::1")
NOW = datetime.now(UTC).replace(microsecond=0)


@cache
def authority() -> trustme.CA:
    """The CA that clients are told to trust, one for the whole run."""
    return trustme.CA(organization_name="smtpscope test CA")


def ca_pem() -> bytes:
    return authority().cert_pem.bytes()


def key_and_chain() -> bytes:
    """A good server's key and certificate chain in PEM, for a server outside this process."""
    return authority().issue_cert(*NAMES).private_key_and_cert_chain_pem.bytes()


def client_context() -> ssl.SSLContext:
    """What a client that trusts the CA verifies with."""
    return ssl.create_default_context(cadata=ca_pem().decode())


@cache
def server_context(kind: str = "good") -> ssl.SSLContext:
    """A server's side of TLS: good, expired, notyet, wrongname, untrusted, selfsigned, or old (TLS 1.0 only)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if kind == "selfsigned":
        with tempfile.NamedTemporaryFile() as file:
            file.write(_self_signed())
            file.flush()
            context.load_cert_chain(file.name)
        return context
    if kind == "old":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("ALL:@SECLEVEL=0")
    _leaf(kind).configure_cert(context)
    return context


def _leaf(kind: str) -> trustme.LeafCert:
    year = timedelta(days=365)
    match kind:
        case "good" | "old":
            return authority().issue_cert(*NAMES)
        case "expired":
            return authority().issue_cert(*NAMES, not_before=NOW - year, not_after=NOW - year / 2)
        case "notyet":
            return authority().issue_cert(*NAMES, not_before=NOW + year, not_after=NOW + 2 * year)
        case "wrongname":
            return authority().issue_cert("elsewhere.test")
        case "untrusted":
            return trustme.CA(organization_name="some other CA").issue_cert(*NAMES)
    raise ValueError(f"no certificate of the kind {kind!r}")


def _self_signed() -> bytes:
    """Key and certificate in PEM, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
