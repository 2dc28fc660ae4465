"""Fixtures that rooms share, and what happens where Postfix or Dovecot is not installed."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from servers import certificates, dovecot
from servers import postfix as postfix_server
from servers.postfix import HOW_TO_GET_IT, Postfix

# How fast a machine is says nothing about what is tested.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

NEEDED = {"dovecot": dovecot, "postfix": postfix_server}
"""The marker of tests that need a server of this machine, and the room that runs it."""
LEFT_OUT = pytest.StashKey[dict[str, list[str]]]()
"""Marker -> node ids of the tests that were left out for want of its server."""


@pytest.fixture(scope="session")
def postfix() -> Iterator[Postfix]:
    """A real Postfix, one for the whole run."""
    if not postfix_server.available():
        raise RuntimeError(f"Postfix cannot run here: {HOW_TO_GET_IT}.")
    with Postfix() as server:
        yield server


@pytest.fixture(scope="session")
def ca_pem() -> bytes:
    """The CA that has signed the certificates of all test servers."""
    return certificates.ca_pem()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "dovecot: needs Dovecot on this machine")
    config.stash[LEFT_OUT] = {}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Where a server cannot run leave its tests out, except in CI, where they fail.

    Under ``--dist loadgroup`` one worker gets all of them, so that one instance is enough.
    """
    needing = {name: [item for item in items if item.get_closest_marker(name)] for name in NEEDED}
    for name, those in needing.items():
        for item in those:
            item.add_marker(pytest.mark.xdist_group(name))
    yield
    for name, those in needing.items():
        if NEEDED[name].available() or os.environ.get("CI") == "true":
            continue
        left_out = [item for item in those if item in items]
        config.stash[LEFT_OUT][name] = [item.nodeid for item in left_out]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of pytest-xdist: tell the controller."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["left_out"] = session.config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """In the controller of pytest-xdist: hear it."""
    node.config.stash[LEFT_OUT].update(getattr(node, "workeroutput", {}).get("left_out", {}))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Say in the very last lines what did not run."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    for name, nodes in config.stash.get(LEFT_OUT, {}).items():
        if nodes and reporter and not hasattr(config, "workeroutput"):
            files = ", ".join(sorted({node.partition("::")[0] for node in nodes}))
            what = f"{len(nodes)} tests that need {name.capitalize()} ({files})"
            reporter.write_line(f"NOT RUN: {what}. To run them: {NEEDED[name].HOW_TO_GET_IT}.")
