"""A ponder process: started, waited for until it is ready, watched, stopped."""

import os
import pathlib
import re
import signal
import subprocess
import threading

from lab.waiting import PATIENCE, until

ROOT = pathlib.Path(__file__).resolve().parents[3]
PONDER = pathlib.Path(
    os.environ.get("PONDER_BIN") or pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/ponder"
)

_BACKTRACE = re.compile(r"panicked at|stack backtrace|RUST_BACKTRACE|thread '.*' panicked|\.rs:\d+:\d+")
_STORY = re.compile(r"\d{4}-\d\d-\d\dT\S+Z +INFO ")


def run(*arguments, stdin=None, seconds=PATIENCE):
    """Runs ponder to its end and gives what it said: `returncode`, `stdout`, `stderr`."""
    return subprocess.run(
        [PONDER, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=seconds, check=False
    )


def assert_one_clear_line(stderr, *words):
    """The text is one line that holds every word, and no trace of a crash; what the log told before it is no matter."""
    lines = [line for line in stderr.splitlines() if line.strip() and not _STORY.match(line)]
    assert len(lines) == 1, f"one line was due:\n{stderr}"
    assert not _BACKTRACE.search(stderr), stderr
    for word in words:
        assert str(word) in lines[0], f"{word!s} is missing in: {lines[0]}"
    return lines[0]


class Process:
    """One run of ponder after another on the same folder; the log of all runs is in one file."""

    def __init__(self, folder, name):
        self.name = name
        self.log_file = pathlib.Path(folder) / f"{name}.log"
        self.ready = {}
        self._process = None
        self._stdout = []
        self._reader = None

    def arguments(self):
        """The command line after `ponder`."""
        raise NotImplementedError

    def start(self):
        """Starts it and waits for the ready line."""
        assert self._process is None, f"{self.name} is already running"
        self._stdout = []
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [PONDER, *map(str, self.arguments())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._reader = threading.Thread(target=self._collect, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        until(
            lambda: self._stdout or self._process.poll() is not None,
            lambda: f"the ready line of {self.name}; its log:\n{self.log()}",
        )
        assert self._stdout, f"{self.name} ended with {self._process.poll()} before it was ready:\n{self.log()}"
        word, *pairs = self._stdout[0].split()
        assert word == "ready", self._stdout[0]
        self.ready = dict(pair.split("=", 1) for pair in pairs)
        return self

    def _collect(self, stream):
        for line in stream:
            self._stdout.append(line.rstrip("\n"))

    def log(self):
        """Everything that all runs said on standard error."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    @property
    def pid(self):
        """Its process number."""
        return self._process.pid

    def is_running(self):
        """It was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def stop(self):
        """Ends it as a service manager does; exit status 0 and one line on standard output are promised."""
        self._process.send_signal(signal.SIGTERM)
        status = self._wait()
        assert status == 0, f"{self.name} ended with {status} after SIGTERM:\n{self.log()[-3000:]}"
        assert len(self._stdout) == 1, f"standard output holds more than the ready line: {self._stdout}"
        assert not _BACKTRACE.search(self.log()), self.log()[-3000:]

    def kill(self):
        """Ends it as a power cut does."""
        self._process.kill()
        self._wait()

    def discard(self):
        """Ends it somehow, if it still runs; for the end of a test that failed."""
        if self.is_running():
            self.kill()

    def _wait(self):
        status = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self._process.stdout.close()
        self._process = None
        return status
