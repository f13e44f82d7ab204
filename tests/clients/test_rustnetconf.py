"""rustnetconf: a day of this Rust library, as the small program in `rustnetconf/`, which ends at the first surprise.

What it cannot do, for its own reasons: NMDA, get-schema and call home, which it does not have yet.
"""

import os
import pathlib
import subprocess

from lab.agent import USER
from lab.process import ROOT
from lab.waiting import PATIENCE

DAY = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "clients/debug/rustnetconf-day"


def test_rustnetconf_edits_confirms_reads_is_told_rolls_back_and_is_refused(agent):
    assert DAY.exists(), f"{DAY} is missing: make clients builds it"
    words = [DAY, agent.address, USER, agent.keys.private_file]
    done = subprocess.run(words, capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "what is left"
