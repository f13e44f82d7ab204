"""Confirmed commits over real SSH: time, lost sessions, tokens, and an agent that is killed meanwhile."""

import time

import pytest
from lab.agent import commit, edit, running
from lab.waiting import until

SHELLUTIL = "http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg"


def host_name(name):
    return f'<host-names xmlns="{SHELLUTIL}"><host-name>{name}</host-name></host-names>'


@pytest.fixture
def session(agent):
    session = agent.connect()
    assert ":confirmed-commit:1.1" in session.server_capabilities
    edit(session, host_name("before"))
    commit(session)
    return session


def name(session):
    """The host name in running."""
    found = list(running(session).iter("{*}host-name"))
    return found[0].text if found else None


def change(session, text, **options):
    edit(session, host_name(text))
    reply = session.commit(confirmed=True, **options)
    assert reply.ok, reply.xml


def test_running_goes_back_when_nobody_confirms(agent, session):
    onlooker = agent.connect()
    change(session, "new", timeout="2")
    assert name(onlooker) == "new"
    began = time.monotonic()
    until(lambda: name(onlooker) == "before", "running as before")
    assert time.monotonic() - began > 0.5


def test_a_confirmation_makes_it_last(agent, session):
    change(session, "new", timeout="1")
    commit(session)
    time.sleep(1.5)
    session.close_session()
    assert name(agent.connect()) == "new"


def test_a_client_that_crashes_takes_its_commit_back(agent, session):
    with agent.by_hand() as crashing:
        edit(session, host_name("new"))
        assert crashing.rpc("<commit><confirmed/></commit>").find("{*}ok") is not None
        assert name(session) == "new"
        crashing.vanish()
    until(lambda: name(session) == "before", "running as before")


def test_with_a_token_another_session_confirms(agent, session):
    change(session, "new", persist="token-7")
    session.close_session()
    other = agent.connect()
    assert name(other) == "new"
    refused = other.commit()
    assert refused.error.tag == "in-use", refused.xml
    assert other.commit(persist_id="token-7").ok
    assert name(other) == "new"


def test_cancel_commit_goes_back_at_once(agent, session):
    change(session, "new")
    assert session.cancel_commit().ok
    assert name(session) == "before"


@pytest.mark.parametrize("options", [{}, {"persist": "token-7"}])
def test_an_agent_that_is_killed_starts_with_running_as_before_and_says_so(agent, session, options):
    change(session, "new", **options)
    agent.kill()
    agent.start()
    again = agent.connect()
    assert name(again) == "before"
    until(lambda: "had confirmed" in agent.log(), "running as before")
    edit(again, host_name("later"))
    commit(again)
    assert name(again) == "later"
