"""``pip install .`` from a clean copy, into an environment of its own, gives the command."""

import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PARTS = ("app", "widgets", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment in which nothing but smtpscope has been installed.

    What it depends on comes from this environment, so that nothing is downloaded.
    """
    folder = tmp_path_factory.mktemp("install")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    site = sysconfig.get_path("purelib", vars={"base": str(folder / "venv")})
    # The path alone: an editable installation's own .pth is not followed from here.
    (Path(site) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run(
        [*pip, "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed", "."],
        cwd=folder,
        check=True,
        timeout=100,
    )
    return python.parent


def test_the_command_and_the_module_are_the_same(bin_folder: Path, tmp_path: Path) -> None:
    for command in ([bin_folder / "smtpscope"], [bin_folder / "python", "-m", "smtpscope"]):
        done = subprocess.run([*command, "--version"], cwd=tmp_path, capture_output=True, text=True, timeout=20)
        assert (done.returncode, done.stdout.split()[0]) == (0, "smtpscope")
    where = "import smtpscope, smtpscope_widgets; print(smtpscope.__file__, smtpscope_widgets.__file__)"
    found = subprocess.run(
        [bin_folder / "python", "-c", where], cwd=tmp_path, capture_output=True, text=True, timeout=20
    )
    assert all(Path(name).is_relative_to(bin_folder.parent) for name in found.stdout.split()), found.stdout


def test_the_practice_server_alone_serves_a_client(bin_folder: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server = subprocess.Popen(
        [bin_folder / "smtpscope", "demo", "--serve-only", "--port", str(port)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        assert f"localhost:{port} -tls --tls-ca-path smtpscope-demo-ca.pem" in server.stdout.readline()
        trust = ssl.create_default_context(cafile=tmp_path / "smtpscope-demo-ca.pem")
        with smtplib.SMTP("localhost", port, timeout=10) as client:
            client.starttls(context=trust)
            client.login("alice", "wonderland")
            refused = client.sendmail(
                "alice@example.org", ["reject@example.org", "bob@example.org"], "Subject: hi\n\nhi\n"
            )
        assert {address: code for address, (code, _) in refused.items()} == {"reject@example.org": 550}
    finally:
        server.send_signal(signal.SIGINT)
        output = server.communicate(timeout=10)
    assert server.returncode == 0
    assert output == ("", "")
