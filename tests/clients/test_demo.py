"""The demonstration plays the main job, ends well by itself or stays up until it is told to end."""

import re
import signal
import socket
import subprocess

from lab.process import PONDER, run
from lab.waiting import until


def test_demo_once_plays_every_step_and_ends_with_status_0():
    done = run("demo", "--once", "--netconf-port", 0, seconds=120)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    states = re.findall(r"licence state: (\S+)", done.stdout)
    assert [state for at, state in enumerate(states) if states[at - 1 : at] != [state]] == [
        *("unidentified", "registered", "authorized", "out-of-compliance", "authorized")
    ]
    assert "panicked" not in done.stdout + done.stderr


def test_a_demo_that_is_interrupted_leaves_no_process_behind(folder):
    output = folder / "demo"
    with output.open("w") as file:
        demo = subprocess.Popen([PONDER, "demo", "--netconf-port", "0"], stdout=file, stderr=subprocess.STDOUT)
    until(lambda: "ready netconf=" in output.read_text(), output.read_text)
    addresses = re.findall(r"(?:http|netconf)=([0-9.]+):(\d+)", output.read_text())
    assert len(addresses) == 2
    demo.send_signal(signal.SIGINT)
    assert demo.wait(30) != 0
    for host, port in addresses:
        until(lambda host=host, port=port: not is_listening(host, int(port)), f"the end of what listened on {port}")


def is_listening(host, port):
    """Somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def test_the_demo_stays_up_says_how_to_connect_and_ends_on_request(folder):
    for number in (signal.SIGINT, signal.SIGTERM):
        output = folder / f"demo-{number}"
        with output.open("w") as file:
            demo = subprocess.Popen([PONDER, "demo", "--netconf-port", "0"], stdout=file, stderr=subprocess.STDOUT)
        try:
            until(lambda file=output: "Logs: " in file.read_text(), output.read_text, 120)
            command = re.search(r"^ *(ssh .* netconf)$", output.read_text(), re.MULTILINE)[1].split()
            command[1:1] = ["-F", "none", "-o", "BatchMode=yes"]
            done = subprocess.run(command, input=b"", capture_output=True, timeout=30, check=False)
            assert b"<hello" in done.stdout, (command, done.stderr)
            assert demo.poll() is None
            demo.send_signal(number)
            assert demo.wait(30) == 0, output.read_text()[-2000:]
        finally:
            if demo.poll() is None:
                demo.kill()
                demo.wait()
