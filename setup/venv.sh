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
case "${1:-}" in
clients) make_venv "$venv/own/napalm" setup/napalm.txt "napalm for tests/clients" ;;
*) make_venv "$venv" setup/requirements.txt "pyang for the IETF YANG modules and lint, clients for the tests" ;;
esac
