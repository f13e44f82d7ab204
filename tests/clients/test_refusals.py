"""What cannot work is said in one clear line and a non-zero exit, or a refused login; never with a backtrace."""

import socket
import subprocess

import ncclient.transport.errors
import pytest

from lab.agent import USER
from lab.keys import KeyPair
from lab.process import PONDER, assert_one_clear_line, run
from lab.ssh_netconf import ssh_command
from lab.waiting import until


@pytest.fixture
def flags(folder, keys):
    """Flags of an agent that would start."""
    return {
        "--state-dir": folder / "state",
        "--listen": "127.0.0.1:0",
        "--user": USER,
        "--authorized-keys": keys.public_file,
    }


def refused(flags, *words):
    """Starts an agent that must refuse, and gives its one line."""
    done = run("agent", *[word for flag in flags.items() for word in flag])
    assert done.returncode not in (0, 101) and done.stdout == "", (done.returncode, done.stdout)
    return assert_one_clear_line(done.stderr, *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[netconf]\nlissten = 1\n", ("line 2", "lissten", "listen")),
        ('[netconf]\nlisten = "here"\n', ("line 2", "address")),
        ("[netconf\n", ("line 1",)),
        ('[[users]]\nname = "x"\n', ("x", "password-hash", "authorized-keys")),
        ('[[users]]\nname = "x"\npassword-hash = "secret"\n', ("x", "password-hash")),
        ('[[users]]\nname = "x"\nauthorized-keys = ["ssh-ed25519 nonsense"]\n', ("x",)),
        ("\xff", ("settings.toml",)),
    ],
    ids=["unknown-key", "wrong-address", "not-toml", "user-without-login", "wrong-hash", "wrong-key", "not-utf-8"],
)
def test_a_wrong_settings_file(flags, folder, text, words):
    file = folder / "settings.toml"
    file.write_bytes(text.encode("latin-1"))
    line = refused(flags | {"--settings": file}, file, *words)
    assert "secret" not in line


@pytest.mark.parametrize("flag", ["--settings", "--chassis", "--authorized-keys", "--licensing-root", "--licensing-ca"])
def test_a_file_that_is_not_there(flags, folder, flag):
    refused(flags | {flag: folder / "nowhere"}, folder / "nowhere", "No such file")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[slots."0/7"]\npid = "NCS1K4-OTN-XPL"\n', ("line 1", "0/7", "0/3")),
        ("[chassis]\nserail-number = 1\n", ("line 2", "serail-number")),
        ("seed = = 1\n", ("line 1",)),
        ('[slots."0/1"]\npid = "A"\nstate = "off"\n', ("line 3", "off", "up", "down")),
    ],
    ids=["slot", "unknown-key", "not-toml", "state"],
)
def test_a_wrong_chassis_file(flags, folder, text, words):
    file = folder / "chassis.toml"
    file.write_text(text)
    refused(flags | {"--chassis": file}, file, *words)


@pytest.mark.parametrize("flag", ["--licensing-root", "--licensing-ca"])
def test_a_certificate_file_without_a_certificate(flags, folder, flag):
    file = folder / "root.pem"
    file.write_text("nothing\n")
    refused(flags | {flag: file}, file)


def test_a_port_in_use(flags):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused(flags | {"--listen": address}, address, "in use")
        done = run("ssm", "--state-dir", flags["--state-dir"], "--listen", address)
        assert done.returncode not in (0, 101) and done.stdout == ""
        assert_one_clear_line(done.stderr, address, "in use")


def test_a_state_folder_that_cannot_be_made(flags, folder):
    (folder / "file").write_text("")
    below = folder / "file" / "state"
    refused(flags | {"--state-dir": below}, below, "Not a directory")
    done = run("ssm", "--state-dir", below, "--listen", "127.0.0.1:0")
    assert done.returncode not in (0, 101) and done.stdout == ""
    assert_one_clear_line(done.stderr, below, "Not a directory")


def test_a_state_folder_is_needed(flags):
    line = refused({flag: value for flag, value in flags.items() if flag != "--state-dir"}, "state-dir")
    assert "settings" in line or "--state-dir" in line


def test_a_user_is_needed(flags):
    refused({flag: flags[flag] for flag in ("--state-dir", "--listen")}, "user")


def test_authorized_keys_without_a_key(flags, folder):
    file = folder / "keys"
    file.write_text("# nobody\n")
    refused(flags | {"--authorized-keys": file}, file)
    file.write_text("ssh-ed25519 AAAA broken\n")
    refused(flags | {"--authorized-keys": file}, file)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["agent", "--nonsense"], "--nonsense"),
        (["nonsense"], "nonsense"),
        (["agent", "--listen", "nowhere"], "nowhere"),
        (["ssm", "token", "create", "--days", "many", "--state-dir", "x"], "many"),
        (["--log", "ponder=loud", "settings"], "loud"),
    ],
)
def test_a_command_line_that_is_wrong(words, named):
    done = run(*words)
    assert done.returncode not in (0, 101) and done.stdout == "", done
    assert named in done.stderr.splitlines()[0], done.stderr
    assert "panicked" not in done.stderr


def test_a_server_command_without_a_server(folder):
    done = run("ssm", "token", "list", "--state-dir", folder / "nothing")
    if done.returncode:  # a folder that no server has ever had may be refused or be an empty one
        assert_one_clear_line(done.stderr, folder / "nothing")


def test_a_server_command_that_cannot_be_carried_out(ssm):
    for words, named in (
        (["instance", "remove", "NOBODY1"], "NOBODY1"),
        (["licence", "add", "S-NOTHING=", 1], "S-NOTHING="),
        (["token", "create", "--virtual-account", "nowhere"], "nowhere"),
        (["token", "create", "--days", 0], "0"),
        (["token", "create", "--days", 366], "366"),
    ):
        done = ssm.try_command(*words)
        assert done.returncode not in (0, 101) and done.stdout == "", (words, done.stdout)
        assert_one_clear_line(done.stderr, named)


def test_help_and_printed_files_work(folder):
    done = run("agent", "--help")
    assert done.returncode == 0
    for flag in (
        "--state-dir",
        "--listen",
        "--user",
        "--authorized-keys",
        "--chassis",
        "--settings",
        "--licensing-root",
    ):
        assert flag in done.stdout
    for printed in ("settings", "chassis"):
        done = run(printed)
        assert done.returncode == 0 and done.stdout.startswith("#") and done.stderr == ""
    assert run().returncode != 0


def test_the_coverage_report_lists_configuration_and_state(folder):
    done = run("agent", "--coverage")
    assert done.returncode == 0 and "ERROR" not in done.stderr, done.stderr
    headings = [line for line in done.stdout.splitlines() if line.startswith("#")]
    assert len(headings) == 3, headings
    assert all(line.startswith(("#", "/")) for line in done.stdout.splitlines() if line)


@pytest.mark.parametrize("words", [["settings"], ["chassis"], ["agent", "--coverage"], ["demo", "--once"]])
def test_a_reader_of_standard_output_who_leaves_early_is_no_crash(folder, words):
    if words[0] == "demo":
        words = [*words, "--netconf-port", "0"]
    with (folder / "stderr").open("w") as stderr:
        process = subprocess.Popen([PONDER, *words], stdout=subprocess.PIPE, stderr=stderr)
    process.stdout.close()
    process.wait(60)
    assert "panicked" not in (folder / "stderr").read_text()


def test_the_printed_files_are_accepted(make_agent, folder):
    chassis = folder / "chassis.toml"
    chassis.write_text(run("chassis").stdout)
    agent = make_agent(settings=run("settings").stdout)
    agent.chassis = chassis
    agent.start()
    assert agent.connect().get_config("running").ok
    agent.stop()


# Logins.


@pytest.fixture
def with_password(make_agent):
    """An agent whose user `guest` has a password and nothing else."""
    hashed = run("hash-password", stdin="open sesame\n")
    assert hashed.returncode == 0 and hashed.stdout.startswith("$argon2id$"), hashed
    agent = make_agent(settings=f"[[users]]\nname = 'guest'\npassword-hash = '{hashed.stdout.strip()}'\n")
    agent.start()
    yield agent
    agent.stop()


def test_a_password_opens_and_a_wrong_one_does_not(with_password):
    guest = {"username": "guest", "key_filename": None}
    session = with_password.connect(**guest, password="open sesame")
    assert session.get_config("running").ok
    for changes in ({"password": "open sesam"}, {"password": ""}, {"username": "nobody", "password": "open sesame"}):
        with pytest.raises((ncclient.transport.errors.AuthenticationError, ncclient.transport.errors.SSHError)):
            with_password.connect(**(guest | changes))
    log = with_password.log()
    assert "sesam" not in log and "argon2" not in log
    assert "guest" in log


def test_a_password_does_not_open_for_a_user_with_keys_only(with_password):
    with pytest.raises((ncclient.transport.errors.AuthenticationError, ncclient.transport.errors.SSHError)):
        with_password.connect(key_filename=None, password="open sesame")


def test_an_unknown_user_and_a_strange_key_are_refused(agent, folder):
    stranger = KeyPair(folder, "stranger")
    for user, pair in (("nobody", agent.keys), (USER, stranger)):
        done = subprocess.run(
            [*ssh_command(agent.address, user, pair.private_file, "-s"), "netconf"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 255 and "Permission denied" in done.stderr, done.stderr
        assert done.stdout == ""
    until(lambda: agent.log().count("nobody") >= 1, "the refused login in the log")


@pytest.mark.parametrize("request_", ["exec", "shell", "other-subsystem", "forward"])
def test_only_the_netconf_subsystem_is_served(agent, request_):
    base = ssh_command(agent.address, USER, agent.keys.private_file)
    command = {
        "exec": [*base, "id"],
        "shell": base,
        "other-subsystem": [*base[:-1], "-s", base[-1], "sftp"],
        "forward": [*base[:-1], "-W", "127.0.0.1:1", base[-1]],
    }[request_]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0
    assert "uid=" not in done.stdout
    assert agent.connect().get_config("running").ok


def test_keys_of_every_usual_kind_log_in(make_agent, folder):
    pairs = [KeyPair(folder, kind, kind) for kind in ("ed25519", "ecdsa", "rsa")]
    agent = make_agent()
    together = folder / "together.pub"
    together.write_text("# all of them\n\n" + "".join(pair.public_file.read_text() for pair in pairs))
    agent.keys = pairs[0]
    agent.keys.public_file = together
    agent.start()
    for pair in pairs:
        agent.keys.private_file = pair.private_file
        with agent.by_hand() as session:
            assert session.session_id() > 0
    agent.stop()


def test_bytes_that_are_no_ssh_end_that_connection_only(agent):
    with socket.create_connection(("127.0.0.1", agent.port), timeout=30) as stranger:
        stranger.sendall(b"GET / HTTP/1.0\r\n\r\n" * 2000)
        received = b"x"
        while received:
            try:
                received = stranger.recv(4096)
            except ConnectionError:
                break
    assert agent.connect().get_config("running").ok
