"""AUTH on the wire (RFC 4954): the one command that is a dialogue of its own; and how any command is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from smtpscope.secret import Secret
from smtpscope.smtp import dialing, sasl
from smtpscope.smtp.command import C
from smtpscope.smtp.effects import Pending
from smtpscope.smtp.errors import Declined, NotProved, TransportError
from smtpscope.smtp.events import Failed, Issued
from smtpscope.smtp.link import SMTPLink
from smtpscope.smtp.reply import Reply

NOTHING_OWED = "this became part of what was begun before, and leaves no reply owed"

Editor: TypeAlias = Callable[[sasl.Response, bytes | None], Awaitable[sasl.Response]]
"""May change a step before it goes: the step, and the challenge that it answers (None for what goes along with AUTH; as
it came where it is no base64), to the line that is sent, without its ending, and whether that must be hidden. ``*``
cancels: along with AUTH that is not sent at all."""

_CANCEL = b"*"
_PROOFS = (b"v=", b"e=", b"rspauth=")


class SMTPLogin(SMTPLink):
    """Commands that leave a reply owed, and AUTH."""

    async def command_auth(
        self,
        mechanism: str,
        user: str,
        password: str | Secret,
        *,
        initial: bool | None = None,
        authzid: str = "",
        binding: str = "",
        edit: Editor | None = None,
    ) -> Reply:
        """AUTH: the whole exchange; the reply is the server's last word, or its 501 to our ``*``.

        ``password`` is the token of XOAUTH2 and OAUTHBEARER. ``initial`` says whether the first response goes along
        with AUTH: None as is usual, which is to send it, but not with LOGIN. ``binding`` is the kind of channel binding
        of a -PLUS mechanism, empty for the usual one. Over a link in clear that leaves this host, a mechanism that
        shows the password is asked about first; Declined if the answer is no. NotProved where the server accepts and
        was to show that it knows the password, and did not. ValueError for what cannot be run.
        """
        secret = password if isinstance(password, Secret) else Secret(password)
        bound = self._binding(binding) if mechanism.upper().endswith("-PLUS") else None
        login = sasl.Login(
            user, secret, authzid, self.host, self.port, initial, binding=bound, unbound=self._could_be_bound()
        )
        exchange = sasl.steps(mechanism, login)
        first = next(exchange)
        self._usable()  # before anything is asked
        self._no_text()
        mechanism = mechanism.upper()
        await self._may_be_shown(mechanism)
        return await self._exchange(mechanism, exchange, first, initial is not False, edit, user)

    async def _may_be_shown(self, mechanism: str) -> None:
        """Where the password would go out in clear, the user says whether it may."""
        if mechanism not in sasl.CLEAR_TEXT or self._tls or dialing.is_loopback(self.peer):
            return
        what, way_out = "password", "start TLS first, or choose CRAM-MD5"
        if mechanism in ("XOAUTH2", "OAUTHBEARER"):
            what, way_out = "token", "start TLS first"
        text = f"AUTH {mechanism} would show the {what} to everyone on the way: the link has no TLS"
        if await self.put_question("clear", text, "do not send it", "send it, once") == 0:
            raise Declined(f"AUTH was not sent: {way_out}")

    def _could_be_bound(self) -> bool:
        """Whether there is TLS, and the server's offer, which we have, has no -PLUS in it."""
        offered = self.machine.facts.ext.get("AUTH", "").upper().split()
        return self._tls and bool(offered) and not any(name.endswith("-PLUS") for name in offered)

    def _binding(self, kind: str) -> tuple[str, bytes] | None:
        if not self._tls or self._layer is None:
            return None
        from smtpscope.smtp import channel_binding  # heavy, as TLS is

        return channel_binding.binding(self._layer.engine, kind)

    async def _exchange(
        self,
        mechanism: str,
        exchange: sasl.Steps,
        first: sasl.Response | None,
        along: bool,
        edit: Editor | None,
        user: str,
    ) -> Reply:
        line, held, broken = f"AUTH {mechanism}", None if along else first, ""
        data = line.encode()
        secrets: tuple[tuple[int, int], ...] = ()
        if first is not None and along:
            octets, hide = await _edited(edit, first, None)
            if octets == _CANCEL:
                reason = f"AUTH {mechanism} was not sent: its first step was cancelled"
                self._emit(Failed(self.now, C.AUTH, reason))
                raise Declined(reason)
            data += b" " + (octets or b"=")  # an empty one is said (RFC 4954 4)
            secrets = ((len(line) + 1, len(data)),) if hide else ()
        pending = self._send(data + b"\r\n", Issued(self.now, C.AUTH, line, user), secrets)
        reply = await self.reply_to(pending)
        while reply.code == 334 and pending in self.machine.pending:
            challenge = _challenge(mechanism, reply.text)
            try:
                response = held or _answer(exchange, challenge)
            except sasl.Broken as error:
                broken, octets, hide = str(error), _CANCEL, False
                self._emit(Failed(self.now, None, f"AUTH {mechanism} was cancelled: {broken}"))
            else:
                octets, hide = await _edited(edit, response, reply.text.encode() if challenge is None else challenge)
                if pending not in self.machine.pending:  # it was answered meanwhile, and this would be a command
                    reply = await self.reply_to(pending)
                    break
            held = None
            self._write(octets + b"\r\n", ((0, len(octets)),) if hide and octets else ())
            reply = await self.reply_to(pending)
            if broken or octets == _CANCEL:
                break
        if pending.replies:
            reply = pending.replies[-1]  # the verdict may have come along with a 334
        if reply.positive:
            _believe(mechanism, exchange, reply, broken)
        return reply

    # -- any command

    def _send(self, data: bytes, issued: Issued, secrets: tuple[tuple[int, int], ...] = ()) -> Pending:
        """Send what leaves a reply owed, and give that."""
        self._no_text()
        self._write(data, secrets, issued)
        return self._newest()

    def _no_text(self) -> None:
        if self.machine.facts.data_mode and self.machine.prompt == "data>":
            raise TransportError("in data mode this would become message text: only the dot or drop lead out")

    def _newest(self) -> Pending:
        if not self.machine.pending:
            raise TransportError(NOTHING_OWED)
        return self.machine.pending[-1]


def _challenge(mechanism: str, text: str) -> bytes | None:
    """What a 334 asks. None if it is not base64, except where it is but a prompt: then it is as it came."""
    decoded = sasl.decode_challenge(text)
    return text.encode() if decoded is None and mechanism in sasl.ANY_TEXT and "\n" not in text else decoded


def _answer(exchange: sasl.Steps, challenge: bytes | None) -> sasl.Response:
    """Our next step; Broken if there is none to this challenge."""
    if challenge is None:
        raise sasl.Broken("the challenge is not base64")
    try:
        response = exchange.send(challenge)
    except StopIteration:
        response = None
    if response is None:
        raise sasl.Broken("the server wants one more response than the mechanism has")
    return response


async def _edited(edit: Editor | None, response: sasl.Response, challenge: bytes | None) -> sasl.Response:
    """The line that is sent, and whether it must be hidden."""
    if edit is None:
        return response
    changed = await edit(response, challenge)
    if b"\r" in changed.encoded or b"\n" in changed.encoded:
        raise ValueError("a response is one line: a line end in it would make a command of the rest")
    return changed


def _believe(mechanism: str, exchange: sasl.Steps, reply: Reply, broken: str) -> None:
    """NotProved if the server, which accepts, was to prove itself: its proof may stand in the reply, too."""
    said = (sasl.decode_challenge(word) or b"" for word in reply.text.split())
    try:
        if broken:
            raise sasl.Broken(broken)
        sasl.conclude(exchange, next((data for data in said if data.startswith(_PROOFS)), b""))
    except sasl.Broken as error:
        raise NotProved(f"AUTH {mechanism} succeeded, but {error}: do not trust this server") from None
