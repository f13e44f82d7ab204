"""The log tells the story of a commit and of a registration in a few lines, and no secret."""

import re

from lab.agent import USER, commit, edit
from lab.licences import (
    CLIENT_BANDWIDTH,
    authorization_state,
    configure_call_home,
    register,
    registration_state,
    wait_for,
)
from lab.payloads import payload
from lab.process import run
from lab.waiting import until


def lines_since(agent, start):
    """What was logged since the log had this length."""
    return [line for line in agent.log()[start:].splitlines() if line.strip()]


def test_a_commit_is_told_in_a_few_lines(agent):
    session = agent.connect()
    edit(session, payload("v01").config)
    start = len(agent.log())
    commit(session)
    until(lambda: any("commit" in line.lower() for line in lines_since(agent, start)), "the commit in the log")
    wait = len(lines_since(agent, start))
    assert wait <= 8, lines_since(agent, start)
    told = "\n".join(lines_since(agent, start))
    assert USER in told, told
    assert re.search(r"\bsession\b.*\b" + str(session.session_id) + r"\b", told), told


def test_a_refused_commit_is_told_with_its_reason(agent):
    session = agent.connect()
    half = payload("i09").config
    start = len(agent.log())
    reply = session.edit_config(target="candidate", config=half)
    if reply.ok:
        assert not session.commit().ok
    until(lambda: "param-value" in "\n".join(lines_since(agent, start)), lambda: f"{lines_since(agent, start)}")


def test_a_registration_is_told_in_a_few_lines_without_its_token(make_agent, ssm, keys):
    ssm.add(CLIENT_BANDWIDTH, 1)
    token = ssm.token("--description", "told")
    hashed = run("hash-password", stdin="open sesame\n").stdout.strip()
    settings = f"[licensing]\nhold-down-seconds = 1\n[[users]]\nname = 'guest'\npassword-hash = '{hashed}'\n"
    agent = make_agent(settings=settings, flags=["--licensing-root", ssm.root_file]).start()
    session = agent.connect(username="guest", key_filename=None, password="open sesame")
    configure_call_home(session, ssm.url())
    edit(session, payload("v01").config)
    commit(session)
    until(lambda: "EVAL_START" in agent.log(), "what the commit did in the log")
    start = len(agent.log())
    register(session, token)
    wait_for(session, registration_state, "complete")
    wait_for(session, authorization_state, "authorized")
    until(
        lambda: any("authorized" in line.lower() for line in lines_since(agent, start)),
        lambda: f"{lines_since(agent, start)}",
    )
    told = lines_since(agent, start)
    assert len(told) <= 12, told
    assert any("regist" in line.lower() for line in told), told
    agent.stop()
    ssm.stop()
    secrets = [token, "open sesame", hashed, hashed.rsplit("$", 1)[1], "PRIVATE KEY"]
    secrets += [line for line in keys.private_file.read_text().splitlines() if not line.startswith("-----")]
    for log in (agent.log(), ssm.log()):
        for secret in secrets:
            assert secret not in log, secret[:6]
    for file in agent.state_dir.rglob("*"):
        if file.is_file():
            assert token.encode() not in file.read_bytes(), file
            assert file.stat().st_mode & 0o077 == 0, f"others may read {file}"


def test_even_the_most_talkative_log_keeps_secrets(make_agent, ssm):
    token = ssm.token()
    agent = make_agent(flags=["--licensing-root", ssm.root_file, "--log", "trace"]).start()
    session = agent.connect()
    configure_call_home(session, ssm.url())
    register(session, token)
    wait_for(session, registration_state, "complete")
    agent.stop()
    assert token not in agent.log()
    assert "PRIVATE KEY" not in agent.log()


def test_the_log_can_be_turned_down(make_agent):
    agent = make_agent(flags=["--log", "error"]).start()
    session = agent.connect()
    edit(session, payload("v16").config)
    commit(session)
    agent.stop()
    assert agent.log() == ""
