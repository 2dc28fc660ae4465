"""A private Postfix on the loopback interface, run from the installed package.

Everything it needs is made in a folder of its own; the machine's own Postfix is not touched. Mail for
``*@mail.test`` lands in one inbox; ``reject@mail.test`` is refused with 550 5.1.1, ``greylist@mail.test`` with
451 4.7.1. There is STARTTLS, AUTH with and without it, and a second port with implicit TLS.
"""

import contextlib
import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from servers import certificates, daemons

HOST = "127.0.0.1"
DOMAIN = "mail.test"
ACCOUNT = ("alice", "wonderland")
HOW_TO_GET_IT = "apt-get install postfix sasl2-bin libsasl2-modules swaks libnet-ssleay-perl curl, and run as root"

PATH = f"/usr/sbin:/sbin:{os.environ.get('PATH', os.defpath)}"
LIFE_LIMIT = 3600
"""Seconds after which it ends by itself, should the run be killed."""

QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.test
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
default_transport = discard
relay_transport = discard
message_size_limit = 10485760
smtpd_error_sleep_time = 0
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access inline:{{
    {{reject@mail.test = 550 5.1.1 no such user}}
    {{greylist@mail.test = 451 4.7.1 greylisted, try again later}} }}, permit_mynetworks, reject
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = {folder}/conf/sasl
smtpd_sasl_local_domain = mail.test
smtpd_sasl_security_options = noanonymous
smtpd_tls_security_level = may
smtpd_tls_chain_files = {folder}/server.pem
virtual_mailbox_domains = mail.test
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
"""

MASTER_CF = """\
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{smtps_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
virtual unix - n n - - virtual
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
"""

SASL_CONF = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/conf/sasl/sasldb2
mech_list: PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256
"""


def available() -> bool:
    """Whether it can run here: the programs are installed, and master wants root."""
    return os.geteuid() == 0 and all(shutil.which(each, path=PATH) for each in ("postfix", "saslpasswd2"))


class Postfix:
    """One instance, from `start` to `stop`, or as a context manager; the ports are free ones."""

    host = HOST
    account = ACCOUNT

    def __init__(self) -> None:
        self.port, self.smtps_port = free_ports()
        # Postfix drops its privileges and has to reach the folder then; pytest's own are for root alone.
        self.folder = Path(tempfile.mkdtemp(prefix="smtpscope-postfix-"))
        self.folder.chmod(0o755)
        self.ca_path = self.folder / "ca.pem"
        self.inbox = self.folder / "mail" / "inbox" / "new"

    def start(self) -> None:
        """Run it until it greets; raises RuntimeError with its log if it does not."""
        self._write_configuration()
        programs = _output("postconf", "-dh", "daemon_directory")
        with (self.folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [f"{programs}/master", "-c", self.folder / "conf", "-d", "-e", str(LIFE_LIMIT)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if not daemons.greets(self._process, HOST, self.port):
            log = self.log()
            self.stop()
            raise RuntimeError(f"Postfix does not greet on port {self.port}:\n{log}")

    def stop(self) -> None:
        """End it and what it started, and remove its folder."""
        daemons.end(self._process, self.folder)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def messages(self) -> list[bytes]:
        """What has been delivered so far, oldest first, with LF line ends."""
        files = sorted(self.inbox.glob("*"), key=lambda file: file.stat().st_mtime_ns)
        return [file.read_bytes() for file in files]

    def delivered(self, marker: bytes, seconds: float = 15.0) -> bytes:
        """Wait for the message that contains `marker`; delivery comes a little after the reply to the dot."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for message in self.messages():
                if marker in message:
                    return message
            time.sleep(0.02)
        raise AssertionError(f"Postfix delivered no message with {marker!r}:\n{self.log()}")

    def log(self) -> str:
        return daemons.said(self.folder)

    def _write_configuration(self) -> None:
        mail = pwd.getpwnam("mail")
        conf = self.folder / "conf"
        for name in ("conf/sasl", "spool/pid", "data", "mail"):
            (self.folder / name).mkdir(parents=True)
        _make_queue(self.folder / "spool")
        shutil.chown(self.folder / "data", "postfix")
        shutil.chown(self.folder / "mail", mail.pw_uid, mail.pw_gid)
        self.ca_path.write_bytes(certificates.ca_pem())
        (self.folder / "server.pem").write_bytes(certificates.key_and_chain())
        (self.folder / "server.pem").chmod(0o600)
        values = {"folder": self.folder, "uid": mail.pw_uid, "gid": mail.pw_gid}
        (conf / "main.cf").write_text(MAIN_CF.format(**values))
        (conf / "master.cf").write_text(MASTER_CF.format(port=self.port, smtps_port=self.smtps_port))
        (conf / "sasl" / "smtpd.conf").write_text(SASL_CONF.format(folder=self.folder))
        user, password = ACCOUNT
        accounts = conf / "sasl" / "sasldb2"
        _output("saslpasswd2", "-p", "-c", "-f", str(accounts), "-u", DOMAIN, user, stdin=password)
        shutil.chown(accounts, "postfix")


def _make_queue(spool: Path) -> None:
    """The folders of a queue with the owners and modes that Postfix insists on."""
    for name in QUEUES:
        (spool / name).mkdir(0o700)
        shutil.chown(spool / name, "postfix")
    for name, mode in (("maildrop", 0o730), ("public", 0o710)):
        (spool / name).mkdir()
        (spool / name).chmod(mode)
        shutil.chown(spool / name, "postfix", "postdrop")


def free_ports() -> tuple[int, int]:
    """Two ports below those that the system gives out by itself, so that no other server takes them meanwhile."""
    found: list[int] = []
    for port in random.sample(range(20000, 32000), 100):
        with contextlib.suppress(OSError), socket.create_server((HOST, port)):
            found.append(port)
        if len(found) == 2:
            return found[0], found[1]
    raise RuntimeError("no free port between 20000 and 32000")


def _output(*command: str, stdin: str = "") -> str:
    environment = os.environ | {"PATH": PATH}
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, check=True, env=environment
    ).stdout.strip()
