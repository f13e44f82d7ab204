"""Certificates for NETCONF over TLS, made with the openssl command as docs/transports.md does it."""

import pathlib
import subprocess

_NEW = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def _openssl(*arguments, cwd):
    return subprocess.run(
        ["openssl", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=True, timeout=60
    ).stdout


class Authority:
    """A CA in a folder of its own, and what it issues there."""

    def __init__(self, folder, name="ca"):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.certificate = self.folder / "ca.pem"
        constraints = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
        extensions = [word for constraint in constraints for word in ("-addext", constraint)]
        _openssl(
            *("req", "-x509", *_NEW, "-days", "30", "-subj", f"/CN={name}", *extensions),
            *("-keyout", "ca.key", "-out", "ca.pem"),
            cwd=self.folder,
        )

    def issue(self, name, usage, alternative):
        """A certificate and its key: two files."""
        _openssl(
            *("req", *_NEW, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr"), cwd=self.folder
        )
        (self.folder / f"{name}.ext").write_text(f"subjectAltName={alternative}\nextendedKeyUsage={usage}\n")
        _openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-days", "30", "-extfile", f"{name}.ext", "-out", f"{name}.pem"),
            cwd=self.folder,
        )
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def server(self):
        """For the agent on loopback."""
        return self.issue("server", "serverAuth", "DNS:localhost,IP:127.0.0.1")

    def client(self, name):
        """For a client, with a mail address."""
        return self.issue(name, "clientAuth", f"email:{name}@Example.com")

    def fingerprint(self, certificate):
        """As cert-to-name wants it."""
        told = _openssl("x509", "-in", certificate, "-noout", "-fingerprint", "-sha256", cwd=self.folder)
        return "04:" + told.strip().split("=", 1)[1]


def tls_settings(authority, cert_to_name, more=""):
    """`[netconf.tls]` for an agent that trusts a CA; `cert_to_name` is a list of dictionaries."""
    certificate, key = authority.server()
    entries = "".join(
        "\n[[netconf.tls.cert-to-name]]\n" + "".join(f'{name} = "{value}"\n' for name, value in entry.items())
        for entry in cert_to_name
    )
    return (
        f'[netconf.tls]\ncertificate-file = "{certificate}"\nkey-file = "{key}"\n'
        f'client-ca-file = "{authority.certificate}"\n{more}\n{entries}'
    )
