"""A password in the command line is not there any more for others to read."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpscope.process_words import _places

LOOK = """
import os, sys
from smtpscope.process_words import hide_password
print(hide_password(), sys.argv[1:])
print(open("/proc/self/cmdline", "rb").read().split(b"\\0")[3:-1])
print(open("/proc/self/environ", "rb").read().split(b"\\0")[:-1] == [b"%b=%b" % each for each in os.environb.items()])
"""


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["mail.test", "-ap", "wönder", "-tls"], ["mail.test", "-ap", "*******", "-tls"]),
        (["--ap", "a b", "mail.test", "--ap", "wonder"], ["--ap", "***", "mail.test", "--ap", "******"]),
        (["--auth-password", "x", "-auth-password", "y"], ["--auth-password", "*", "-auth-password", "*"]),
        (["-ap", "-"], ["-ap", "*"]),
        (["-ap", "-tls"], ["-ap", "-tls"]),
        (["-ap"], ["-ap"]),
        (["-ap", "", "x"], ["-ap", "", "x"]),
        (["mail.test", "--", "-ap", "file"], ["mail.test", "--", "-ap", "file"]),
        (["-au", "wonder", "-ap", "wonder"], ["-au", "wonder", "-ap", "******"]),
        (["mail.test", "-tls"], ["mail.test", "-tls"]),
    ],
)
def test_a_process_hides_the_password_that_it_was_given(words: list[str], left: list[str]) -> None:
    """Real processes, as the system shows them; what we were given ourselves is untouched, and so is all around it."""
    process = subprocess.run([sys.executable, "-c", LOOK, *words], capture_output=True, timeout=60, check=True)
    done, shown, environment = process.stdout.decode().splitlines()
    hides = words not in (left, ["mail.test", "-tls"])
    assert done == f"{hides} {words!r}"
    assert shown == repr([word.encode() for word in left])
    assert environment == "True"


@given(
    st.lists(
        st.sampled_from(["-ap", "--ap", "--auth-password", "--", "-", "-tls", "", "a", "wörd"]).map(str.encode),
        max_size=8,
    )
)
def test_only_what_stands_behind_its_name_is_hidden(words: list[bytes]) -> None:
    line = b"".join(word + b"\0" for word in words)
    for begin, end in _places(line):
        before = line[:begin].split(b"\0")[:-1]
        assert before[-1] in (b"-ap", b"--ap", b"--auth-password")
        assert line[begin:end] + b"\0" in line
        assert line[end : end + 1] == b"\0"
        assert b"\0" not in line[begin:end]
