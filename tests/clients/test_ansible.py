"""ansible.netcommon over NETCONF, with the plugins `default` and `cisco.iosxr.iosxr`: a playbook that asserts, an agent each.

What it cannot do, for its own reasons: commits to be confirmed with the plugin `default` (it hands ncclient a number where
that takes text), and subscriptions (there is no module for them).
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from lab.agent import USER
from lab.waiting import PATIENCE

VENV = pathlib.Path(sys.executable).parents[1] / "own/ansible"
DAY = pathlib.Path(__file__).with_name("visits") / "ansible_day.yml"
PLUGINS = {"default": "default", "iosxr": "cisco.iosxr.iosxr"}


@pytest.fixture
def devices(make_agent, keys, folder):
    """An inventory of one agent for each plugin."""
    hosts = {
        name: {
            "ansible_host": "127.0.0.1",
            "ansible_port": make_agent(name).start().port,
            "ansible_user": USER,
            "ansible_ssh_private_key_file": str(keys.private_file),
            "ansible_connection": "ansible.netcommon.netconf",
            "ansible_network_os": plugin,
            "ansible_python_interpreter": str(VENV / "bin/python"),
        }
        for name, plugin in PLUGINS.items()
    }
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"devices": {"hosts": hosts}}))
    return inventory


def test_a_playbook_configures_reads_confirms_rolls_back_and_is_refused(devices, folder):
    program = VENV / "bin/ansible-playbook"
    assert program.exists(), f"{program} is missing: make clients installs it"
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": VENV / "collections",
        "ANSIBLE_HOME": folder / "ansible",
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "HOME": folder,
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        [program, "-i", devices, DAY],
        env=os.environ | {name: str(value) for name, value in environment.items()},
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in PLUGINS:
        assert any(line.startswith(name) and "failed=0" in line for line in done.stdout.splitlines()), done.stdout
