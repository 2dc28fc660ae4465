"""Fixtures that rooms share, and what happens where Postfix is not installed."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from servers import certificates
from servers.postfix import HOW_TO_GET_IT, Postfix, available

# How fast a machine is says nothing about what is tested.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

LEFT_OUT = pytest.StashKey[list[str]]()
"""Node ids of the tests that were left out for want of Postfix."""


@pytest.fixture(scope="session")
def postfix() -> Iterator[Postfix]:
    """A real Postfix, one for the whole run."""
    if not available():
        raise RuntimeError(f"Postfix cannot run here: {HOW_TO_GET_IT}.")
    with Postfix() as server:
        yield server


@pytest.fixture(scope="session")
def ca_pem() -> bytes:
    """The CA that has signed the certificates of all test servers."""
    return certificates.ca_pem()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = []


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Where Postfix cannot run leave its tests out, except in CI, where they fail.

    Under ``--dist loadgroup`` one worker gets all of them, so that one instance is enough.
    """
    on_postfix = [item for item in items if item.get_closest_marker("postfix")]
    for item in on_postfix:
        item.add_marker(pytest.mark.xdist_group("postfix"))
    yield
    if available() or os.environ.get("CI") == "true":
        return
    left_out = [item for item in on_postfix if item in items]
    config.stash[LEFT_OUT] = [item.nodeid for item in left_out]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of pytest-xdist: tell the controller."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["left_out"] = session.config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """In the controller of pytest-xdist: hear it."""
    left_out = getattr(node, "workeroutput", {}).get("left_out", [])
    node.config.stash[LEFT_OUT] = left_out or node.config.stash[LEFT_OUT]


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Say in the very last line what did not run."""
    left_out = config.stash.get(LEFT_OUT, [])
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if left_out and reporter and not hasattr(config, "workeroutput"):
        files = ", ".join(sorted({name.partition("::")[0] for name in left_out}))
        reporter.write_line(
            f"NOT RUN: {len(left_out)} tests that need Postfix ({files}). To run them: {HOW_TO_GET_IT}."
        )
