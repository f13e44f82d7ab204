"""yangcli of Debian (yuma123): a day from a script, with the schemas that it fetches from the agent itself.

What it cannot do, for its own reasons: confirmed commits, because it reads a module of its own in the place of ietf-netconf
and takes none of the features for it that the hello gives; and it takes the `yang-library:1.1` capability for a module
without a name (it lists `??@2019-01-04`), since it was written before RFC 8525. It does not know `require-instance` after a
typedef (YANG 1.1) and so reads neither ietf-subscribed-notifications nor ietf-yang-push.
"""

import os
import shutil
import subprocess

import pytest

from lab.agent import USER, running
from lab.documents import text_at
from lab.names import HOST_NAMES
from lab.waiting import PATIENCE


@pytest.fixture
def yangcli(visit, folder):
    """Runs the lines of a script in one session; gives what was shown from the first line on."""
    if not shutil.which("yangcli"):
        pytest.skip("there is no yangcli: make clients installs it where the distribution has it")

    def run(*lines):
        script = folder / "script"
        script.write_text("".join(f"{line}\n" for line in (*lines, "close-session")))
        key = visit.keys.private_file
        words = ["--server=127.0.0.1", f"--ncport={visit.port}", f"--user={USER}", "--password=unused"]
        words += [f"--private-key={key}", f"--public-key={key}.pub", "--batch-mode", f"--run-script={script}"]
        done = subprocess.run(
            ["yangcli", *words],
            env=os.environ | {"HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        head, _, rest = done.stdout.partition("Checking Server Modules...")
        return head, rest

    return run


def errors(shown):
    """What it calls an error, with the line behind it, the modules apart that it cannot read."""
    lines = shown.splitlines()
    found = [" ".join(lines[at : at + 2]) for at, line in enumerate(lines) if "Error" in line]
    unread = ("ietf-subscribed-notifications@", "'ietf-subscribed-notifications'", "'ietf-yang-push'")
    return [error for error in found if not any(name in error for name in unread)]


def test_yangcli_locks_edits_commits_reads_and_rolls_back(yangcli, visit):
    head, shown = yangcli(
        "get-locks",
        "create /host-names/host-name value='by-yangcli'",
        "validate source=candidate",
        "commit",
        "release-locks",
        "sget-config source=running /host-names",
        "create-subscription",
        "merge /host-names/host-name value='by-yangcli-again'",
        "save",
        "xget-config source=running /host-names",
        "roll-back-configuration-last count=1",
        "sget /host-names",
        "delete /host-names/host-name",
        "discard-changes",
        "xget /platform/racks/rack/slots",
        "get-schema identifier=Cisco-IOS-XR-osa-cfg",
    )
    assert "NETCONF session established" in head and "Cisco-IOS-XR-osa-cfg@2022-10-10" in head
    assert errors(shown) == [], shown
    first, second, third = (part.split("}")[0] for part in shown.split("host-names {")[1:4])
    assert ("by-yangcli\n" in first, "by-yangcli-again\n" in second, "by-yangcli\n" in third) == (True, True, True)
    assert "Incoming notification:" in shown and "netconf-config-change {" in shown
    assert "module Cisco-IOS-XR-osa-cfg {" in shown
    assert text_at(running(visit.connect(), f'<host-names xmlns="{HOST_NAMES}"/>'), "host-names/host-name") == "by-yangcli"


def test_yangcli_shows_refusals_with_their_path_and_reason(yangcli, folder):
    wrong = folder / "wrong.xml"
    wrong.write_text('<host-names xmlns="urn:nobody"/>')
    for line, words in {  # each ends the script that it is in
        f"edit-config target=candidate config=@{wrong}": "no module has the namespace urn:nobody",
        "create /host-names/host-name value='a/b c'": "host-name",
        "get-schema identifier=no-such-module": "no-such-module",
    }.items():
        _, shown = yangcli(line)
        assert "rpc-error {" in shown and words in shown, shown
