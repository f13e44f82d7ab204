"""What was acknowledged is there after a stop, a kill, a restart: configuration, host key, trust, licences."""

import contextlib
import os
import subprocess

import pytest

from lab.agent import commit, edit, running
from lab.documents import is_ok, leaves_of, only_error, text_at
from lab.licences import (
    CLIENT_BANDWIDTH,
    ask_licensing,
    authorization_state,
    call_home_config,
    configure_call_home,
    register,
    registration_state,
    state_info,
    usage,
    wait_for,
)
from lab.names import BASE, HOST_NAMES, INTERFACES
from lab.payloads import payload
from lab.process import assert_one_clear_line, run
from lab.waiting import until


def host_key(agent):
    """What ssh-keyscan sees, without comments and order."""
    done = subprocess.run(
        ["ssh-keyscan", "-T", "10", "-p", str(agent.port), "127.0.0.1"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    keys = {tuple(line.split()[1:]) for line in done.stdout.splitlines() if line and not line.startswith("#")}
    assert keys, done.stderr
    return keys


def test_commits_and_host_key_survive_an_orderly_stop(agent):
    session = agent.connect()
    for name in ("v01", "v06", "v09", "v16"):
        edit(session, payload(name).config)
    commit(session)
    before, key = leaves_of(running(session)), host_key(agent)
    agent.stop()
    agent.start()
    session = agent.connect()
    assert leaves_of(running(session)) == before
    assert host_key(agent) == key
    wait_for(session, usage, {CLIENT_BANDWIDTH: 1})


def test_commits_survive_a_kill_right_after_ok(agent):
    for number in range(4):
        with agent.by_hand() as session:
            name = f'<host-names xmlns="{HOST_NAMES}"><host-name>kept-{number}</host-name></host-names>'
            assert is_ok(
                session.rpc(f"<edit-config><target><candidate/></target><config>{name}</config></edit-config>")
            )
            assert is_ok(session.rpc("<commit/>"))
            agent.kill()
        agent.start()
        assert text_at(running(agent.connect()), "host-names/host-name") == f"kept-{number}"


def test_a_kill_in_the_middle_of_commits_leaves_one_of_them_whole(agent):
    session = agent.by_hand()
    total = 200
    for number in range(total):
        name = f'<host-names xmlns="{HOST_NAMES}"><host-name>n-{number}</host-name></host-names>'
        session.send(
            f'<rpc xmlns="{BASE}" message-id="e{number}"><edit-config><target><candidate/></target>'
            f"<config>{name}</config></edit-config></rpc>"
        )
        session.send(f'<rpc xmlns="{BASE}" message-id="c{number}"><commit/></rpc>')
    acknowledged = 0
    while acknowledged < total // 4:
        reply = session.read()
        assert b"<ok" in reply, reply
        acknowledged += b'message-id="c' in reply
    agent.kill()
    agent.start()
    kept = int(text_at(running(agent.connect()), "host-names/host-name").removeprefix("n-"))
    assert acknowledged - 1 <= kept < total


@pytest.fixture
def small_disk(folder):
    """A file system of half a megabyte; only root can make one."""
    disk = folder / "small-disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k,mode=700", "none", disk]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk for this test needs root and a system that lets it mount")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_commit_that_a_full_disk_refuses_changes_nothing(make_agent, small_disk):
    agent = make_agent(state_dir=small_disk / "state").start()
    session = agent.connect()

    def describe(number, text):
        name = f"<active>pre</active><interface-name>Optics0/0/0/{number}</interface-name>"
        entry = f"<interface-configuration>{name}<description>{text}</description></interface-configuration>"
        edit(session, f'<interface-configurations xmlns="{INTERFACES}">{entry}</interface-configurations>')
        return session.commit()

    assert describe(1, "first").ok
    with contextlib.suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
        while filler.write(b"x" * 4096) == 4096:
            pass
    acknowledged = leaves_of(running(session))
    for number in range(2, 200):
        reply = describe(number, "x" * 250)
        if not reply.ok:
            break
        acknowledged = leaves_of(running(session))
    refused = only_error(reply.xml)
    assert refused.tag == "resource-denied" and "No space left" in refused.message, str(refused)
    assert leaves_of(running(session)) == acknowledged
    assert session.discard_changes().ok
    (small_disk / "filler").unlink()
    assert describe(2, "second").ok
    acknowledged = leaves_of(running(session))
    agent.kill()
    agent.start()
    assert leaves_of(running(agent.connect())) == acknowledged
    agent.stop()


def test_an_uncommitted_candidate_is_gone_after_a_restart(agent):
    session = agent.connect()
    edit(session, payload("v16").config)
    agent.kill()
    agent.start()
    session = agent.connect()
    assert text_at(running(session), "host-names/host-name") is None
    commit(session)
    assert text_at(running(session), "host-names/host-name") is None


def test_a_registered_device_stays_registered(make_agent, ssm):
    ssm.add(CLIENT_BANDWIDTH, 1)
    agent = make_agent(flags=["--licensing-root", ssm.root_file]).start()
    session = agent.connect()
    configure_call_home(session, ssm.url())
    register(session, ssm.token())
    wait_for(session, registration_state, "complete")
    edit(session, payload("v01").config)
    commit(session)
    wait_for(session, authorization_state, "authorized")

    def facts():
        complete = state_info(session, "<registration/>")
        paths = ("complete-time", "expire-time", "smart-account", "virtual-account")
        return [text_at(complete, f"registration/registration-complete/{path}") for path in paths]

    before = facts()
    assert all(before), before
    for end in (agent.stop, agent.kill):
        end()
        agent.start()
        session = agent.connect()
        assert registration_state(session) == "complete"
        assert facts() == before
        wait_for(session, authorization_state, "authorized")
        wait_for(session, usage, {CLIENT_BANDWIDTH: 1})
    edit(session, payload("x02").config, default_operation="none")
    commit(session)
    until(lambda: ssm.in_use() == {}, lambda: f"pools: {ssm.pools()}")
    agent.stop()


def test_a_killed_licence_server_loses_nothing_acknowledged(make_agent, ssm):
    token = ssm.token("--description", "kept")
    ssm.add(CLIENT_BANDWIDTH, 5)
    ssm.kill()
    with_server_down = ssm.pools()
    assert with_server_down[CLIENT_BANDWIDTH] == (5, 0, 5)
    assert "kept" in ssm.command("token", "list")
    ssm.add(CLIENT_BANDWIDTH, 2)
    ssm.start()
    assert ssm.pools()[CLIENT_BANDWIDTH] == (7, 0, 7)

    agent = make_agent(flags=["--licensing-root", ssm.root_file, "--licensing-ca", ssm.ca_file]).start()
    session = agent.connect()
    configure_call_home(session, ssm.url())
    register(session, token)
    wait_for(session, registration_state, "complete")
    edit(session, payload("v01").config)
    commit(session)
    until(lambda: ssm.in_use() == {CLIENT_BANDWIDTH: 1}, lambda: f"pools: {ssm.pools()}")
    instances, root = ssm.instances(), ssm.root_file.read_bytes()
    ssm.kill()
    ssm.start()
    assert ssm.in_use() == {CLIENT_BANDWIDTH: 1}
    assert ssm.instances() == instances
    assert ssm.root_file.read_bytes() == root

    address = '<addresses xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="replace">'
    edit(session, call_home_config(ssm.url()).replace("<addresses>", address))
    edit(session, payload("x02").config, default_operation="none")
    commit(session)
    assert ask_licensing(session, "renew-auth") == ("success", "success")
    until(lambda: ssm.in_use() == {}, lambda: f"pools: {ssm.pools()}")
    agent.stop()


def test_two_agents_do_not_share_a_state_folder(agent):
    done = run(
        *("agent", "--state-dir", agent.state_dir, "--listen", "127.0.0.1:0"),
        *("--user", "x", "--authorized-keys", agent.keys.public_file),
    )
    assert done.returncode != 0 and done.stdout == ""
    assert_one_clear_line(done.stderr, agent.state_dir, "in use")
    assert agent.connect().get_config("running").ok


def test_two_licence_servers_do_not_share_a_state_folder(ssm):
    done = run("ssm", "--state-dir", ssm.state_dir, "--listen", "127.0.0.1:0")
    assert done.returncode != 0 and done.stdout == ""
    assert_one_clear_line(done.stderr, ssm.state_dir, "in use")
    assert ssm.token()


def journal_with(agent, word):
    """The one file of the state folder that has this word in it."""
    files = [path for path in agent.state_dir.rglob("*") if path.is_file() and word in path.read_bytes()]
    assert len(files) == 1, files
    return files[0]


def test_a_damaged_running_configuration_is_said_in_one_line(agent):
    session = agent.connect()
    edit(session, payload("v16").config)
    commit(session)
    agent.stop()
    file = journal_with(agent, b"ncs-a")
    good = file.read_bytes()
    for damaged in (b"\x00" * len(good), b"", good.replace(b"ncs-a", b"ncs-b")):
        file.write_bytes(damaged)
        done = run(*agent.arguments())
        assert done.returncode != 0 and done.stdout == "", f"it starts on {damaged[:40]!r}"
        assert_one_clear_line(done.stderr, file, "ponder journal repair --state-dir")
        assert file.read_bytes() == damaged
    file.write_bytes(good)
    agent.start()
    assert text_at(running(agent.connect()), "host-names/host-name") == "ncs-a"


def test_the_half_of_a_record_that_a_crash_left_is_dropped_and_told(agent):
    session = agent.connect()
    edit(session, payload("v16").config)
    commit(session)
    name = f'<host-names xmlns="{HOST_NAMES}"><host-name>not-acknowledged</host-name></host-names>'
    edit(session, name)
    commit(session)
    agent.stop()
    file = journal_with(agent, b"not-acknowledged")
    file.write_bytes(file.read_bytes()[:-20])
    agent.start()
    assert text_at(running(agent.connect()), "host-names/host-name") == "ncs-a"
    assert "the journal ends in the middle of a record" in agent.log()
