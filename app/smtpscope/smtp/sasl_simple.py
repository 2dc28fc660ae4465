"""The mechanisms of one plain answer each: PLAIN, LOGIN, CRAM-MD5, EXTERNAL and ANONYMOUS."""

from __future__ import annotations

import hmac

from smtpscope.smtp.sasl_steps import Login, Steps, respond, user_octets


def plain(login: Login) -> Steps:
    """RFC 4616: authorization identity, user and password, with NUL between them."""
    parts = (user_octets(login.authzid), user_octets(login.user), login.octets())
    if any(b"\0" in part for part in parts):
        raise ValueError("neither user nor password can have a NUL in it for AUTH PLAIN (RFC 4616 2)")
    yield respond(b"\0".join(parts))


def log_in(login: Login) -> Steps:
    """LOGIN, as servers do it: the user's name, along with AUTH or when asked for, then the password."""
    name, key = respond(user_octets(login.user), False), respond(login.octets())
    if login.initial:
        challenge = yield name
        if challenge.lower().startswith(b"user"):  # it did not heed the first one
            yield name
        yield key
        return
    challenge = yield None
    # By what is asked for: a password is not to be taken for a name and logged.
    first, second = (key, name) if b"pass" in challenge.lower() else (name, key)
    yield first
    yield second


def cram_md5(login: Login) -> Steps:
    """RFC 2195: the challenge under a key, which is the password."""
    challenge = yield None
    digest = hmac.new(login.octets(), challenge, "md5").hexdigest()
    yield respond(user_octets(login.user) + b" " + digest.encode())


def external(login: Login) -> Steps:
    """RFC 4422 A: who we are the server knows from elsewhere, a client certificate mostly; as whom to act is said."""
    yield respond(user_octets(login.authzid or login.user), False)


def anonymous(login: Login) -> Steps:
    """RFC 4505: a trace of who it is, or nothing."""
    yield respond(user_octets(login.user), False)
