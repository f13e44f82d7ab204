"""libnetconf2 of Debian, the library under netopeer2-cli: it takes yang-library and every schema and judges each reply.

The library is called in a process of its own, since a fault of C or of our calls must not take the tests along.
What it cannot do, for its own reasons: nothing that the day below asks for. Version 2.0.24 does not know RFC 9144.
"""

import ctypes.util
import json
import pathlib
import subprocess
import sys

import pytest

from lab.agent import USER
from lab.waiting import PATIENCE

DAY = pathlib.Path(__file__).with_name("visits") / "libnetconf2_day.py"


@pytest.fixture(scope="module")
def told(shared_agent):
    """What a day of libnetconf2 told: step -> value."""
    if ctypes.util.find_library("netconf2") != "libnetconf2.so.2":
        pytest.skip("there is no libnetconf2.so.2: make clients installs it where the distribution has it")
    words = [sys.executable, DAY, str(shared_agent.port), shared_agent.keys.private_file, USER]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines())


def test_the_schemas_that_it_takes_make_one_context_without_a_complaint(told):
    assert told["connected"] == []
    assert {"Cisco-IOS-XR-osa-cfg", "ietf-netconf-acm", "ponder-licence-state", "ietf-yang-patch"} <= set(told["modules"])


@pytest.mark.parametrize("operation", ["get", "get-config", "get-data"])
def test_what_it_reads_is_valid_in_its_strict_eyes(told, operation):
    complaints, length, *_ = told[operation]
    assert complaints == []
    assert length > {"get": 100_000, "get-config": 100, "get-data": 100_000}[operation]


def test_it_locks_edits_validates_commits_and_unlocks(told):
    for step in ("lock", "edit", "validate", "commit", "unlock"):
        assert "<ok/>" in told[step], (step, told[step])
    assert told["get-config"][2] is True


def test_it_takes_a_schema(told):
    assert "module Cisco-IOS-XR-osa-cfg {" in told["get-schema"]


def test_it_is_told_what_changes_and_rolls_it_back(told):
    assert "<ok/>" in told["subscribe"]
    assert "netconf-config-change" in told["told"]
    assert "<ok/>" in told["roll back"] and "by-libnetconf2" in told["rolled back"]


def test_it_is_refused_what_makes_no_sense(told):
    assert "<error-tag>operation-failed</error-tag>" in told["refused"], told["refused"]
    assert told["complaints"] == []
