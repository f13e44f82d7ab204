#!/bin/sh
# Makes or refreshes the Python venv: pyang (IETF modules, linter) and the real clients of tests/clients, hash-pinned;
# with `clients`, below it the venvs of clients that pin what others pin otherwise.
set -eu
cd "$(dirname "$0")/.."
venv="${PONDER_VENV:-.venv}"
make_venv() { # make_venv FOLDER REQUIREMENTS PURPOSE
    stamp="$1/requirements.sha256"
    wanted="$(sha256sum "$2" | cut -d' ' -f1)"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then return; fi
    echo "setup: making the Python venv $1 ($3)"
    [ -x "$1/bin/python" ] || python3 -m venv "$1"
    "$1/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$2"
    echo "$wanted" > "$stamp"
}
take_collections() { # the collections that the tests use, out of a package of hundreds of megabytes
    folder="$venv/own/ansible/collections"
    stamp="$folder/requirements.sha256"
    wanted="$(sha256sum setup/ansible-collections.txt | cut -d' ' -f1)"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then return; fi
    rm -rf "$folder"
    mkdir -p "$folder/package"
    "$venv/own/ansible/bin/pip" download --quiet --disable-pip-version-check --no-deps --require-hashes \
        -r setup/ansible-collections.txt -d "$folder/package"
    "$venv/bin/python" - "$folder" <<'PYTHON'
import pathlib, sys, zipfile
folder = pathlib.Path(sys.argv[1])
wanted = tuple(f"ansible_collections/{name}/" for name in ("ansible/netcommon", "ansible/utils", "cisco/iosxr"))
for file in (folder / "package").glob("*.whl"):
    with zipfile.ZipFile(file) as package:
        package.extractall(folder, [name for name in package.namelist() if name.startswith(wanted)])
PYTHON
    rm -r "$folder/package"
    echo "$wanted" > "$stamp"
}
case "${1:-}" in
clients)
    make_venv "$venv/own/napalm" setup/napalm.txt "napalm for tests/clients"
    make_venv "$venv/own/ansible" setup/ansible.txt "ansible for tests/clients"
    take_collections
    ;;
*) make_venv "$venv" setup/requirements.txt "pyang for the IETF YANG modules and lint, clients for the tests" ;;
esac
