"""A user's key pair, made with ssh-keygen as an operator would."""

import pathlib
import subprocess


class KeyPair:
    """`private_file` for clients, `public_file` for `--authorized-keys`."""

    def __init__(self, folder, name="key", kind="ed25519"):
        self.private_file = pathlib.Path(folder) / name
        self.public_file = pathlib.Path(f"{self.private_file}.pub")
        subprocess.run(
            ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", f"{name}@tests", "-f", self.private_file], check=True
        )
