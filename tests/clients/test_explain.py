"""`ponder explain`: the table, the JSON, the ways to log in, and what is said when it does not work."""

import json
import os
import pty
import re
import subprocess

import pytest

from lab.agent import USER, call, commit, edit
from lab.documents import errors_of, find_all, text_at
from lab.licences import CLIENT, LONG_HAUL, QUICK, simulate, usage, wait_for
from lab.names import LICENCE_STATE
from lab.payloads import payload
from lab.process import PONDER, assert_one_clear_line, run
from lab.waiting import until


@pytest.fixture
def counted(agent):
    """An agent that counts seven clients and one long haul trunk."""
    session = agent.connect()
    edit(session, payload("v03").config)
    commit(session)
    simulate(session, "set-trunk-bits-per-symbol", port_name="Optics0/0/0/0", bits_per_symbol="3")
    wait_for(session, usage, {CLIENT: 7, LONG_HAUL: 1})
    return agent


def explain(agent, *arguments, **options):
    """Runs it with the operator's key; any host key is taken unless the arguments say something about it."""
    host_key = () if any("host" in str(argument) for argument in arguments) else ("--any-host-key",)
    key = ("--key", agent.keys.private_file)
    return run("explain", agent.address, "--user", USER, *key, *host_key, *arguments, **options)


def rows(table):
    """The table's lines as lists of cells, without the heading."""
    lines = [re.split(r"  +", line) for line in table.splitlines()]
    assert lines[0] == ["ENTITLEMENT", "COUNT", "PORT OR SLICE", "SETTING", "RULE"]
    return lines[1:]


def test_the_table_adds_up_and_names_port_setting_rule_and_section(counted):
    done = explain(counted)
    assert done.returncode == 0, done.stderr
    sums, amounts, tag = {}, {}, None
    for cells in rows(done.stdout):
        if cells[0] and cells[0] != "none":
            tag = cells[0]
            sums[tag] = int(cells[1])
        elif not cells[0]:
            amounts[tag] = amounts.get(tag, 0) + int(cells[1])
    assert sums == amounts
    assert sums[CLIENT] == 7
    assert sums[LONG_HAUL] == 1
    assert re.search(
        r"1 +Optics0/0/0/0 +bits per symbol +3\.0000000000 bits per symbol is within 2 to 4 "
        r'\("Criteria for license consumption of long-haul networks", Q23\)',
        done.stdout,
    )
    free = [line for line in done.stdout.splitlines() if "free of charge" in line]
    assert len(free) == 4
    assert all("HundredGigECtrlr0/0/0/" in line and "100GE" in line for line in free)


def test_the_json_can_be_narrowed_to_an_entitlement_or_a_slot(counted):
    whole = json.loads(explain(counted, "--json").stdout)
    for one in whole["entitlements"]:
        assert one["count"] == sum(line["amount"] for line in one["lines"])
        assert all(line["rule"] and line["section"] for line in one["lines"])
    clients = json.loads(explain(counted, "--json", "--entitlement", CLIENT).stdout)
    assert [(one["entitlement"], one["count"]) for one in clients["entitlements"]] == [(CLIENT, 7)]
    other = json.loads(explain(counted, "--json", "--location", "0/3").stdout)
    assert CLIENT not in [one["entitlement"] for one in other["entitlements"]]
    assert all(line["location"] == "0/3" for one in other["entitlements"] for line in one["lines"])


def test_a_card_that_is_pulled_or_down_is_explained_as_taking_nothing(counted):
    session = counted.connect()
    simulate(session, "line-card-down", location="0/0")
    wait_for(session, usage, {})
    down = explain(counted, "--location", "0/0").stdout
    assert "the card is down, and what is down takes no licence" in down
    simulate(session, "pull-line-card", location="0/0")
    until(
        lambda: "no card is fitted" in explain(counted, "--location", "0/0").stdout,
        lambda: explain(counted, "--location", "0/0").stdout,
    )


def test_state_and_rpc_say_the_same_as_the_command(counted):
    session = counted.connect()
    reply = call(session, f'<explain-licences xmlns="{LICENCE_STATE}"/>')
    answered = {text_at(one, "entitlement"): int(text_at(one, "count")) for one in find_all(reply, "consumption")}
    printed = json.loads(explain(counted, "--json").stdout)["entitlements"]
    assert answered == {one["entitlement"]: one["count"] for one in printed}
    refused = call(session, f'<explain-licences xmlns="{LICENCE_STATE}"><entitlement>X</entitlement></explain-licences>')
    assert [(error.tag, "S_N1K4_LIC_TRK" in error.message) for error in errors_of(refused)] == [("invalid-value", True)]


def test_a_changed_count_is_logged_once_with_its_reasons(counted):
    lines = [line for line in counted.log().splitlines() if "licence count changed" in line and LONG_HAUL in line]
    assert len(lines) == 1, lines
    assert "+1 Optics0/0/0/0: 3.0000000000 bits per symbol is within 2 to 4" in lines[0]
    assert "from=0 to=1" in lines[0]


def test_what_does_not_exist_is_refused_with_what_does(counted):
    done = explain(counted, "--entitlement", "S-NCS1K4")
    assert done.returncode == 1
    assert_one_clear_line(done.stderr, "S-NCS1K4", "S_NCS1K4_SUBSEA")
    done = explain(counted, "--location", "0/9")
    assert_one_clear_line(done.stderr, "0/9", "0/0, 0/1, 0/2, 0/3")


def test_the_host_key_is_checked(agent, folder):
    """By a fingerprint, by a known_hosts file; an unknown or another key ends it before anybody logs in."""
    scanned = subprocess.run(
        ["ssh-keyscan", "-p", str(agent.port), "127.0.0.1"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    known = folder / "known_hosts"
    known.write_text(scanned)
    assert explain(agent, "--known-hosts", known).returncode == 0
    (folder / "empty-hosts").write_text("")
    unknown = explain(agent, "--known-hosts", folder / "empty-hosts")
    line = assert_one_clear_line(unknown.stderr, agent.address, "does not know it", "--host-key")
    shown = re.search(r"SHA256:\S+?(?=,)", line).group()
    assert explain(agent, "--host-key", shown).returncode == 0
    other = explain(agent, "--host-key", "SHA256:" + "A" * 43)
    assert_one_clear_line(other.stderr, shown, "not SHA256:AAA")
    own = agent.keys.public_file.read_text().split()
    (folder / "other-hosts").write_text(f"[127.0.0.1]:{agent.port} {own[0]} {own[1]}\n")
    changed = explain(agent, "--known-hosts", folder / "other-hosts")
    assert changed.returncode == 1
    assert_one_clear_line(changed.stderr, "host key", "127.0.0.1")


@pytest.fixture
def with_password(make_agent):
    """An agent whose user `guest` has a password and nothing else."""
    hashed = run("hash-password", stdin="open sesame\n").stdout.strip()
    return make_agent(settings=f"{QUICK}[[users]]\nname = 'guest'\npassword-hash = '{hashed}'\n").start()


def as_guest(agent, *arguments, password=None, **options):
    """Runs it as a user with a password, which the environment may have; nothing is on the command line."""
    environment = {name: value for name, value in os.environ.items() if name != "PONDER_PASSWORD"}
    if password:
        environment["PONDER_PASSWORD"] = password
    command = [PONDER, "explain", agent.address, "--user", "guest", "--any-host-key", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False, start_new_session=True, **options
    )


def test_a_password_comes_from_the_environment_or_a_file(with_password, folder):
    assert as_guest(with_password, password="open sesame").returncode == 0
    file = folder / "password"
    file.write_text("open sesame\n")
    assert as_guest(with_password, "--password-file", file).returncode == 0
    wrong = as_guest(with_password, password="open barley")
    assert wrong.returncode == 1
    line = assert_one_clear_line(wrong.stderr, "guest", "refused", "password", with_password.address)
    assert "barley" not in line
    missing = as_guest(with_password, stdin=subprocess.DEVNULL)
    assert_one_clear_line(missing.stderr, "no password", "PONDER_PASSWORD")


def test_a_password_is_asked_for_at_a_terminal_and_not_shown(with_password):
    master, slave = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", PONDER, "explain", with_password.address, "--user", "guest", "--any-host-key"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={name: value for name, value in os.environ.items() if name != "PONDER_PASSWORD"},
        start_new_session=True,
    )
    os.close(slave)
    seen = b""
    while b"Password of guest at" not in seen or not seen.endswith(b": "):
        seen += os.read(master, 4096)
    os.write(master, b"open sesame\n")
    while True:
        try:
            more = os.read(master, 4096)
        except OSError:  # the other end has closed
            break
        if not more:
            break
        seen += more
    assert process.wait(60) == 0, seen
    assert b"sesame" not in seen
    assert b"ENTITLEMENT" in seen or b"Nothing was found" in seen
    os.close(master)


def test_an_agent_that_is_not_there_or_speaks_something_else_is_named(agent, folder):
    nobody = run("explain", "127.0.0.1:1", "--user", USER, "--key", agent.keys.private_file, "--any-host-key")
    assert nobody.returncode == 1
    assert_one_clear_line(nobody.stderr, "agent 127.0.0.1:1", "refused")
    nameless = run("explain", "no-such-host.invalid", "--user", USER, "--key", agent.keys.private_file, "--any-host-key")
    assert nameless.returncode == 1
    assert_one_clear_line(nameless.stderr, "no-such-host.invalid:830")
    stranger = run("explain", agent.address, "--user", "nobody", "--key", agent.keys.private_file, "--any-host-key")
    assert_one_clear_line(stranger.stderr, "nobody", "refused", "key")
    no_key = run("explain", agent.address, "--user", USER, "--key", folder / "none", "--any-host-key")
    assert_one_clear_line(no_key.stderr, "key file", "none")
