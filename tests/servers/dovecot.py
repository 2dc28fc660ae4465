"""A private Dovecot on the loopback interface, for its logins: submission with every mechanism that it knows by itself.

Everything it needs is made in a folder of its own; the machine's own Dovecot is not touched. It hands a session that
has logged in to the server on ``relay_port``, which has to be there.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from servers import certificates, daemons
from servers.postfix import HOST, LIFE_LIMIT, PATH, free_ports

USER, PASSWORD = "alice", "wonderland"
HOW_TO_GET_IT = "apt-get install dovecot-core dovecot-submissiond, and run as root"

CONFIGURATION = """\
base_dir = {folder}/base
state_dir = {folder}/state
instance_name = {folder.name}
log_path = {folder}/log
protocols = submission
listen = 127.0.0.1
hostname = mail.test
ssl = yes
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.pem
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256
auth_failure_delay = 0
mail_location = maildir:{folder}/mail
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
submission_relay_host = 127.0.0.1
submission_relay_port = {relay_port}
passdb {{
  driver = passwd-file
  args = username_format=%n {folder}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%n {folder}/users
}}
service submission-login {{
  inet_listener submission {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"""


def available() -> bool:
    """Whether it can run here: it is installed, and wants root."""
    return os.geteuid() == 0 and shutil.which("dovecot", path=PATH) is not None and Path(SUBMISSION).exists()


SUBMISSION = "/usr/lib/dovecot/submission"


class Dovecot:
    """One instance, as a context manager; the port is a free one."""

    host = HOST

    def __init__(self, relay_port: int) -> None:
        self.port = free_ports()[0]
        self.folder = Path(tempfile.mkdtemp(prefix="smtpscope-dovecot-"))
        self.folder.chmod(0o755)
        for name in ("base", "state", "mail"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "mail", "mail", "mail")
        (self.folder / "server.pem").write_bytes(certificates.key_and_chain())
        users = self.folder / "users"
        users.write_text(f"{USER}:{{PLAIN}}{PASSWORD}:8:8::{self.folder}/mail::\n")
        users.chmod(0o640)
        shutil.chown(users, "root", "dovecot")
        values = {"folder": self.folder, "port": self.port, "relay_port": relay_port}
        (self.folder / "dovecot.conf").write_text(CONFIGURATION.format(**values))

    def __enter__(self) -> Self:
        with (self.folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                ["timeout", str(LIFE_LIMIT), "dovecot", "-F", "-c", self.folder / "dovecot.conf"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | {"PATH": PATH},
            )
        if daemons.greets(self._process, HOST, self.port):
            return self
        log = daemons.said(self.folder)
        self.__exit__()
        raise RuntimeError(f"Dovecot does not greet on port {self.port}:\n{log}")

    def __exit__(self, *_: object) -> None:
        daemons.end(self._process, self.folder)
