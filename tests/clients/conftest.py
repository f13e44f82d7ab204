"""Fixtures: agents and licence servers that end with their test, whatever happens in it."""

import pathlib
import shutil
import tempfile

import pytest

from lab.agent import Agent
from lab.keys import KeyPair
from lab.licence_server import LicenceServer
from lab.licences import QUICK
from lab.payloads import CHASSIS
from lab.process import PONDER


def pytest_sessionstart(session):
    """Says what to do when there is nothing to test yet."""
    if not PONDER.exists():
        pytest.exit(f"{PONDER} is missing: cargo build makes it, PONDER_BIN names another", returncode=3)


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """The operator's keys."""
    return KeyPair(tmp_path_factory.mktemp("keys"), "operator")


@pytest.fixture
def folder():
    """A short temporary folder (sockets have short paths), gone after the test."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="ponder-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def make_agent(folder, keys):
    """Makes agents that are not started yet; `chassis` names a file of tests/data/chassis."""
    made = []

    def make(name="agent", chassis=None, settings=QUICK, **options):
        file = CHASSIS / f"{chassis}.toml" if chassis else None
        made.append(Agent(folder, keys, name, chassis=file, settings=settings, **options))
        return made[-1]

    yield make
    for agent in made:
        agent.hang_up()
        agent.discard()


@pytest.fixture
def agent(make_agent):
    """A running agent with the default chassis; it must end well after the test."""
    agent = make_agent().start()
    yield agent
    if agent.is_running():
        agent.stop()


@pytest.fixture
def make_ssm(folder):
    """Makes licence servers that are not started yet."""
    made = []

    def make(name="ssm", **options):
        made.append(LicenceServer(folder, name, **options))
        return made[-1]

    yield make
    for ssm in made:
        ssm.discard()


@pytest.fixture
def ssm(make_ssm):
    """A running licence server; it must end well after the test."""
    ssm = make_ssm().start()
    yield ssm
    if ssm.is_running():
        ssm.stop()


@pytest.fixture(scope="module")
def shared_agent(tmp_path_factory, keys):
    """One running agent for all tests of a file that leave nothing behind."""
    agent = Agent(tmp_path_factory.mktemp("shared"), keys, settings=QUICK).start()
    yield agent
    agent.stop()


@pytest.fixture
def visit(shared_agent):
    """The shared agent, its candidate and locks cleaned up after the test."""
    yield shared_agent
    shared_agent.hang_up()
