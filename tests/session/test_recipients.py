"""The recipients of a transaction, a row each."""

from __future__ import annotations

from session.finding import texts
from smtp.playbook import Playbook, at_dot, at_mail, connected, lmtp
from smtpscope.secret import Secret
from smtpscope.session.recipients import MOST, recipient_lines
from smtpscope.session.redact import Redactor


def lines(play: Playbook, redactor: Redactor | None = None) -> list[str]:
    return texts(recipient_lines(play.machine.facts, redactor or Redactor()))


def test_a_transaction_with_one_verdict_for_all() -> None:
    play = at_mail() >> "RCPT TO:<a@b>" << "250 2.1.5 Ok" >> "RCPT TO:<c@d> NOTIFY=NEVER" << "550-5.1.1 no\n550 5.1.1 x"
    assert lines(play) == [
        "open transaction: 1 accepted, 1 refused",
        "+ <a@b>",
        "  RCPT 250 2.1.5 Ok  1.00 s",
        "x <c@d>  NOTIFY=NEVER (never a report)",
        "  RCPT 550 5.1.1 no (+1 lines)  1.00 s",
    ]
    play >> "DATA" << "354 go" >> "." << "250 2.0.0 queued"
    done = [*lines(play)[1:5], "", "the message, for all who were accepted: 250 2.0.0 queued"]
    assert lines(play) == ["last transaction: 1 accepted, 1 refused", *done]
    play >> "RSET" << "250 ok"
    assert lines(play) == ["last transaction: 1 accepted, 1 refused", *done]
    play >> "MAIL FROM:<>" << "250 ok"
    assert lines(play) == ["No RCPT has been answered in this transaction."]


def test_under_lmtp_each_has_its_own_verdict() -> None:
    play = at_dot(lmtp(), accepted=3) << "250 2.0.0 in" << "452 4.2.2 full"
    shown = lines(play)
    assert shown[3] == "  final 250 2.0.0 in  1.00 s"
    assert shown[6] == "  final 452 4.2.2 full  2.00 s"
    assert shown[7:] == ["+ <r2@mail.test>", "  RCPT 250 ok  1.00 s", "", "1 of them without a verdict"]


def test_under_prdr_there_is_one_for_the_whole_besides() -> None:
    play = connected() >> "MAIL FROM:<a@b> PRDR" << "250 ok" >> "RCPT TO:<c@d>" << "250 ok"
    play >> "DATA" << "354 go" >> "." << "353 each" << "450 later" << "450 nobody"
    assert lines(play)[1:] == [
        "+ <c@d>",
        "  RCPT 250 ok  1.00 s",
        "  final 450 later  2.00 s",
        "",
        "the message as a whole: 450 nobody",
    ]


def test_parameters_are_explained() -> None:
    play = at_mail() >> "RCPT TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2By@z XTRA=1 NOTIFY=HUH" << "250 ok"
    assert lines(play)[1] == (
        "+ <a@b>  NOTIFY=SUCCESS,DELAY (a report when delivered, a report when late)"
        "  ORCPT=rfc822;x+2By@z (first sent to x+y@z)  XTRA=1  NOTIFY=HUH"
    )


def test_foreign_words_are_harmless_and_secrets_hidden() -> None:
    redactor = Redactor()
    redactor.know(Secret("wonderland"))
    play = at_mail() >> "RCPT TO:<a@b> ORCPT=rfc822;x+1B[m" << b"550 \x1b]0;x\x07 wonderland\r\n"
    shown = lines(play, redactor)
    assert shown[1:] == [
        r"x <a@b>  ORCPT=rfc822;x+1B[m (first sent to x\x1b[m)",
        r"  RCPT 550 \x1b]0;x\x07 [hidden]  1.00 s",
    ]
    assert all(line.isprintable() for line in shown)


def test_very_many_recipients_are_counted_not_listed() -> None:
    play = at_mail()
    for _ in range(3):
        play >> "RCPT TO:<a@b>" << "250 ok"
    facts = play.machine.facts
    facts.recipients = facts.recipients[:1] * (MOST + 5)
    shown = lines(play)
    assert shown[0] == "open transaction: 2,005 accepted, 0 refused"
    assert (len(shown), shown[-1]) == (1 + 2 * MOST + 1, "5 more recipients are not listed")
