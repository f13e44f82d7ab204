"""The audit log as a file: who did what with real sessions, and no secret in it, wherever it was planted."""

import json
import stat

import paramiko
import pytest

from lab.agent import USER, commit, edit, get
from lab.documents import find_all, text_at
from lab.licences import QUICK, ask_licensing, call_home_config
from lab.names import BASE, HOST_NAMES, xr
from lab.process import run
from lab.waiting import until

SECRETS = ("hunter2-password", "hunter2-trustpoint", "hunter2-token", "hunter2-url", "hunter2-invalid")


def events(folder):
    """The lines of the log, read as JSON."""
    return [json.loads(line) for line in (folder / "audit.log").read_text().splitlines()]


def wait_for_event(folder, **wanted):
    """Waits for an event with these members, and gives it."""
    found = []

    def has_come():
        found[:] = [event for event in events(folder) if wanted.items() <= event.items()]
        return found

    until(has_come, lambda: f"no event {wanted} among {events(folder)}")
    return found[0]


@pytest.fixture
def audited(make_agent):
    """An agent that keeps an audit log and takes the passwords of a guest."""
    hashed = run("hash-password", stdin="open sesame\n").stdout.strip()
    guest = f"[[users]]\nname = 'guest'\npassword-hash = '{hashed}'\n"
    agent = make_agent(settings=f'{QUICK}{guest}[audit]\nfile = "audit.log"\nreads = true\n').start()
    yield agent
    agent.stop()


def trustpoint(password):
    """A trust point with a login for SFTP."""
    return f"""<crypto-ca xmlns="{xr("crypto-cepki-cfg")}"><certificate-authority><trustpoints><trustpoint>
        <name>t</name><sftp><username>u</username><password>{password}</password></sftp>
        </trustpoint></trustpoints></certificate-authority></crypto-ca>"""


def test_logins_sessions_and_changes_are_recorded_and_secrets_are_not(audited, folder):
    with pytest.raises(Exception, match="uthentication"):
        audited.connect(username="mallory")
    with paramiko.Transport(("127.0.0.1", audited.port)) as transport:
        transport.start_client()
        with pytest.raises(paramiko.SSHException):
            transport.auth_password("guest", SECRETS[0])
    session = audited.connect()
    edit(session, trustpoint(SECRETS[1]))
    assert not session.edit_config(
        target="candidate",
        config=f'<config xmlns="{BASE}"><host-names xmlns="{HOST_NAMES}"><wrong>{SECRETS[4]}</wrong></host-names></config>',
    ).ok
    edit(session, call_home_config(f"https://user:{SECRETS[3]}@127.0.0.1:1/its"))
    commit(session)
    ask_licensing(session, "register-id-token", f"<id-token>{SECRETS[2]}</id-token>")
    get(session, f'<host-names xmlns="{HOST_NAMES}"/>')
    session.close_session()

    end = wait_for_event(folder, event="session-end", user=USER)
    assert end["why"] == "closed" and end["transport"] == "netconf-ssh" and end["from"].startswith("127.0.0.1:")
    refused = wait_for_event(folder, event="login", user="mallory", result="refused")
    assert refused["key"].startswith("SHA256:")
    wrong = wait_for_event(folder, event="login", user="guest", result="refused")
    assert wrong["method"] == "password" and wrong["why"] == "unknown user or wrong password"
    assert wait_for_event(folder, event="login", user=USER, result="ok")["method"] == "publickey"
    committed = wait_for_event(folder, operation="commit", result="ok", target="running")
    path = "/Cisco-IOS-XR-crypto-cepki-cfg:crypto-ca/certificate-authority/trustpoints/trustpoint[name='t']"
    assert f"create {path}" in committed["paths"]
    assert committed["session-id"] == end["session-id"]
    assert wait_for_event(folder, operation="edit-config", result="refused")["error"] == "unknown-element"
    assert wait_for_event(folder, operation="register-id-token")["module"] == "Cisco-IOS-XR-smart-license-act"
    assert wait_for_event(folder, operation="get")["result"] == "ok"
    text = (folder / "audit.log").read_text()
    assert [secret for secret in SECRETS if secret in text] == []
    assert stat.S_IMODE((folder / "audit.log").stat().st_mode) == 0o600


def test_it_goes_on_after_a_restart_and_files_are_set_aside_by_size(make_agent, folder):
    agent = make_agent(settings=f'{QUICK}\n[audit]\nfile = "audit.log"\nmax-bytes = 2000\nold-files = 2\n').start()
    for number in range(2):
        session = agent.connect()
        for turn in range(8):
            edit(session, f'<host-names xmlns="{HOST_NAMES}"><host-name>h{number}{turn}</host-name></host-names>')
        agent.stop()
        if number == 0:
            agent.start()
    files = sorted(path.name for path in folder.glob("audit.log*"))
    assert files == ["audit.log", "audit.log.1", "audit.log.2"]
    assert all((folder / name).stat().st_size <= 2000 for name in files)


def test_what_is_denied_names_the_rule(make_agent, folder, keys):
    key = keys.public_file.read_text().strip()
    guest = f'[[users]]\nname = "guest"\nauthorized-keys = ["{key}"]\ngroups = ["visitors"]\n'
    agent = make_agent(settings=f'{QUICK}\n{guest}\n[audit]\nfile = "audit.log"\nsyslog = true\n').start()
    session = agent.connect()
    edit(
        session,
        """<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><rule-list><name>guests</name>
        <group>visitors</group><rule><name>no-lock</name><rpc-name>lock</rpc-name><action>deny</action></rule>
        </rule-list></nacm>""",
    )
    commit(session)
    assert not agent.connect(username="guest").lock("candidate").ok
    denied = wait_for_event(folder, user="guest", operation="lock")
    assert (denied["result"], denied["denied-by"]) == ("denied", "guests/no-lock")
    syslog = get(session, f'<syslog xmlns="{xr("infra-syslog-oper")}"><messages/></syslog>')
    texts = [text_at(message, "text") for message in find_all(syslog, "syslog/messages/message")]
    assert any('"operation":"lock"' in text and '"result":"denied"' in text for text in texts if text)
