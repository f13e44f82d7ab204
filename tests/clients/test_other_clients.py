"""Other NETCONF clients, unchanged: netconf-client, scrapli-netconf, netconf-console2, the ssh command."""

import asyncio
import pathlib
import subprocess
import sys

import pytest
from netconf_client.connect import connect_ssh
from netconf_client.error import RpcError
from netconf_client.ncclient import Manager
from scrapli_netconf.driver import AsyncNetconfDriver

from lab.agent import USER
from lab.documents import parse, text_at
from lab.names import BASE, HOST_NAMES
from lab.ssh_netconf import ssh_command
from lab.waiting import until

CONFIG = f'<config xmlns="{BASE}"><host-names xmlns="{{0}}"><host-name>{{1}}</host-name></host-names></config>'
FILTER = f'<host-names xmlns="{HOST_NAMES}"/>'


def test_netconf_client_locks_edits_commits_and_reads(agent):
    session = connect_ssh(
        "127.0.0.1", agent.port, USER, key_filename=str(agent.keys.private_file), initial_timeout=30, general_timeout=30
    )
    with Manager(session, timeout=30) as manager:
        manager.lock("candidate")
        manager.edit_config(config=CONFIG.format(HOST_NAMES, "by-netconf-client"), target="candidate")
        manager.validate("candidate")
        manager.commit()
        manager.unlock("candidate")
        data = manager.get_config(source="running", filter=f'<filter type="subtree">{FILTER}</filter>').data_ele
        assert text_at(data, "host-names/host-name") == "by-netconf-client"
        with pytest.raises(RpcError, match="candidate"):
            manager.unlock("candidate")


def test_scrapli_over_asyncssh_locks_edits_commits_and_reads(agent):
    async def work():
        driver = AsyncNetconfDriver(
            host="127.0.0.1",
            port=agent.port,
            auth_username=USER,
            auth_private_key=str(agent.keys.private_file),
            auth_strict_key=False,
            transport="asyncssh",
            timeout_ops=30,
            ssh_config_file=False,
        )
        async with driver as connection:
            for reply in (
                await connection.lock("candidate"),
                await connection.edit_config(config=CONFIG.format(HOST_NAMES, "by-scrapli"), target="candidate"),
                await connection.validate("candidate"),
                await connection.commit(),
                await connection.unlock("candidate"),
            ):
                assert not reply.failed, reply.result
            reply = await connection.get_config(source="running", filter_=FILTER, filter_type="subtree")
            assert not reply.failed and "by-scrapli" in reply.result, reply.result
            reply = await connection.get(filter_=FILTER, filter_type="subtree")
            assert "by-scrapli" in reply.result

    asyncio.run(work())


def test_netconf_console_edits_commits_and_reads(agent, folder):
    config = folder / "config.xml"
    config.write_text(f'<host-names xmlns="{HOST_NAMES}"><host-name>by-console</host-name></host-names>')
    empty = folder / "ssh-config"
    empty.write_text("")

    def console(*words):
        program = [str(pathlib.Path(sys.executable).with_name("netconf-console2"))]
        login = [
            "--host",
            "127.0.0.1",
            "--port",
            str(agent.port),
            "-u",
            USER,
            "--privKeyFile",
            str(agent.keys.private_file),
        ]
        done = subprocess.run(
            [*program, *login, "--ssh-config", str(empty), *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0 and "error" not in done.stderr.lower(), done.stdout + done.stderr
        return done.stdout

    assert "Cisco-IOS-XR-osa-cfg" in console("--hello")
    console("--db", "candidate", "--edit-config", str(config), "--commit")
    assert "by-console" in console("--get-config")
    assert "module Cisco-IOS-XR-osa-cfg" in console("--get-schema", "Cisco-IOS-XR-osa-cfg")


def test_two_subsystems_on_one_connection_are_two_sessions(agent, folder):
    control = folder / "control"
    command = ssh_command(agent.address, USER, agent.keys.private_file, "-M", "-S", str(control), "-N")
    master = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        until(control.exists, "the shared connection")
        numbers = set()
        for _ in range(2):
            slave = ssh_command(agent.address, USER, agent.keys.private_file, "-S", str(control), "-s")
            done = subprocess.run([*slave, "netconf"], input=b"", capture_output=True, timeout=30, check=False)
            hello = parse(done.stdout.split(b"]]>]]>")[0])
            numbers.add(hello.findtext("{*}session-id"))
        assert len(numbers) == 2 and None not in numbers
    finally:
        master.terminate()
        master.wait(10)
