"""RFC 8071 with ncclient as the client that waits: the agent dials it, and dials again when the connection ends."""

import socket

import pytest
from ncclient import manager

from lab.agent import USER
from lab.licences import QUICK
from lab.process import assert_one_clear_line, run
from lab.waiting import PATIENCE


@pytest.fixture
def waiting_client():
    """A listening socket of a client, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        yield listener


def accept_call(listener, keys):
    """Takes a call and logs in over it, as ncclient's call_home does on a port of its own."""
    connection, _ = listener.accept()
    session = manager.connect_ssh(
        host="127.0.0.1",
        sock=connection,
        username=USER,
        key_filename=str(keys.private_file),
        hostkey_verify=False,
        look_for_keys=False,
        allow_agent=False,
        timeout=int(PATIENCE),
    )
    session.raise_mode = 0
    return session


def test_the_agent_calls_and_calls_again(make_agent, keys, waiting_client):
    port = waiting_client.getsockname()[1]
    settings = f'{QUICK}\n[netconf]\ncall-home = ["127.0.0.1:{port}"]\ncall-home-longest-wait-seconds = 1\n'
    agent = make_agent(settings=settings).start()
    for _ in range(2):
        session = accept_call(waiting_client, keys)
        assert session.get_config("running").ok
        session.close_session()
    # A call that nobody logs in over is no reason to give up.
    connection, _ = waiting_client.accept()
    connection.close()
    session = accept_call(waiting_client, keys)
    assert session.lock("candidate").ok
    agent.stop()


def test_a_client_that_cannot_be_one_is_refused_at_the_start(make_agent):
    agent = make_agent(settings='[netconf]\ncall-home = ["nms:0"]\n')
    outcome = run(*agent.arguments())
    assert outcome.returncode != 0
    assert_one_clear_line(outcome.stderr, "line 2", 'call-home client "nms:0"')
