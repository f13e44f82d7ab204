"""napalm's driver for IOS XR over NETCONF: facts, merge, difference, commit, rollback, replace, discard, refusals.

What it cannot do here, for its own reasons: `commit_config(revert_in=…)` and commit messages are not written for this
platform; `get_environment`, `get_optics` and others are not, or ask for modules that an NCS 1004 does not have.
In its `cli` encoding it sends command lines inside XML, and Ponder has no command line.
"""

import json
import pathlib
import subprocess
import sys

import pytest

from lab.agent import USER
from lab.names import HOST_NAMES
from lab.waiting import PATIENCE

PYTHON = pathlib.Path(sys.executable).parents[1] / "own/napalm/bin/python"
DAY = pathlib.Path(__file__).with_name("visits") / "napalm_day.py"


@pytest.fixture(scope="module")
def told(shared_agent):
    """What a day of napalm's told: step -> value."""
    assert PYTHON.exists(), f"{PYTHON} is missing: make clients installs it"
    words = [PYTHON, DAY, str(shared_agent.port), shared_agent.keys.private_file, USER]
    done = subprocess.run(words, capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines())


def test_the_facts_are_those_of_the_chassis(told):
    facts = told["facts"]
    assert (facts["vendor"], facts["model"], facts["os_version"]) == ("Cisco", "NCS1004", "7.9.1")
    assert {"Optics0/0/0/0", "Optics0/3/0/13"} <= set(facts["interface_list"])
    assert facts["serial_number"] and facts["hostname"] == "ios" and facts["uptime"] >= 0


def test_the_module_set_that_it_looks_for_allows_what_can_be_configured(told):
    assert HOST_NAMES in told["allowed"]


def test_a_merge_is_compared_committed_and_rolled_back(told):
    added = [line[1:].strip() for line in told["difference"].splitlines() if line.startswith("+")]
    assert "<host-name>merged</host-name>" in added
    assert (told["merged"], told["rolled back"]) == ("merged", "ios")


def test_a_replacement_is_all_that_is_left(told):
    assert told["replaced"].count("xmlns=") == 2 and "<host-name>replaced</host-name>" in told["replaced"]


def test_what_is_discarded_is_gone(told):
    assert told["discarded"] == "replaced"


def test_what_is_wrong_is_refused_with_the_reason(told):
    assert "ghost-name" in told["refused"] and "Cisco-IOS-XR-shellutil-cfg" in told["refused"]
    assert "Cisco-IOS-XE-shellutil-cfg" in told["not asked"], "napalm itself, by the module set"
    assert "Cisco-IOS-XR-cli-cfg" in told["cli"]


def test_what_a_transponder_does_not_have_is_empty_not_an_error(told):
    assert told["not there"]["users"] == {} and told["not there"]["snmp"]["community"] == {}
