"""The command line knows the mechanisms that can be run, without importing what runs them."""

from smtpscope import profile
from smtpscope.smtp import sasl


def test_the_command_line_knows_what_can_be_run() -> None:
    assert profile.MECHANISMS == sasl.MECHANISMS
