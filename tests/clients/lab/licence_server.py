"""The licence server as a process, and its commands."""

import pathlib

from lab.process import Process, run


class LicenceServer(Process):
    """`ponder ssm` on free ports of loopback."""

    def __init__(self, folder, name="ssm", state_dir=None, flags=()):
        super().__init__(folder, name)
        self.state_dir = pathlib.Path(state_dir or pathlib.Path(folder) / f"{name}-state")
        self.flags = list(flags)

    def arguments(self):
        return ["ssm", "--state-dir", self.state_dir, "--listen", "127.0.0.1:0", *self.flags]

    @property
    def root_file(self):
        """What the agent's `--licensing-root` takes."""
        return self.state_dir / "licensing-root.pem"

    @property
    def ca_file(self):
        """What the agent's `--licensing-ca` takes."""
        return self.state_dir / "tls-ca.pem"

    def url(self, scheme="http", path="/its/service/oddce/services/DDCEService"):
        """A destination address for call-home."""
        return f"{scheme}://{self.ready[scheme]}{path}"

    def command(self, *words):
        """Runs `ponder ssm WORDS`, which must succeed, and gives its standard output."""
        done = self.try_command(*words)
        assert done.returncode == 0, f"ponder ssm {words} ended with {done.returncode}: {done.stderr}"
        return done.stdout

    def try_command(self, *words):
        """Runs `ponder ssm WORDS` and gives how it ended."""
        return run("ssm", *words, "--state-dir", self.state_dir)

    def token(self, *words):
        """Makes a registration token."""
        return self.command("token", "create", *words).strip()

    def add(self, entitlement, quantity):
        """Buys licences."""
        self.command("licence", "add", entitlement, quantity)

    def pools(self):
        """What `licence list` says: entitlement -> (purchased, in use, balance)."""
        pools = {}
        for words in map(str.split, self.command("licence", "list").splitlines()):
            numbers = [int(word) for word in words if word.lstrip("+-").isdigit()]
            tag = next((word for word in words if word.startswith(("S-NCS1K4", "S_N"))), None)
            if tag and len(numbers) >= 3:
                pools[tag] = tuple(numbers[:3])
        return pools

    def in_use(self):
        """What is in use, entitlement -> count, without those that nobody uses."""
        return {tag: numbers[1] for tag, numbers in self.pools().items() if numbers[1]}

    def instances(self):
        """The lines of `instance list`."""
        return self.command("instance", "list")
