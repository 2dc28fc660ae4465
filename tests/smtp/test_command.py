"""The documented enumeration: values and names are an interface that others wrote down."""

from smtpscope.smtp.command import SMTPCommand

DOCUMENTED = """
    SMTP_NONE 0, SMTP_BANNER 1, SMTP_CONNECTED 2, SMTP_SEND_MESSAGE 3, SMTP_AUTH 4, SMTP_EHLO 5, SMTP_HELO 6,
    SMTP_MAIL 7, SMTP_RCPT 8, SMTP_RSET 9, SMTP_QUIT 10, SMTP_DATA 11, SMTP_DOT 12, SMTP_SEND_STREAM 13, SMTP_CUSTOM 14
"""


def test_the_fifteen_members_have_their_documented_names_and_values() -> None:
    documented = {name: int(value) for name, value in (entry.split() for entry in DOCUMENTED.split(","))}
    assert {member.documented_name: member.value for member in SMTPCommand} == documented
    assert list(SMTPCommand.__members__) == [name.removeprefix("SMTP_") for name in documented]  # and no alias


def test_each_member_says_what_it_means_in_one_sentence_of_its_own() -> None:
    meanings = [member.meaning for member in SMTPCommand]
    assert len(set(meanings)) == 15
    assert all(meaning.endswith(".") and meaning[0].isupper() for meaning in meanings)
