#!/bin/sh
# Makes or refreshes the Python venv: pyang (IETF modules, linter) and the real clients of tests/clients, hash-pinned.
set -eu
cd "$(dirname "$0")/.."
venv="${PONDER_VENV:-.venv}"
stamp="$venv/requirements.sha256"
wanted="$(sha256sum setup/requirements.txt | cut -d' ' -f1)"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then exit 0; fi
echo "setup: making the Python venv $venv (pyang for the IETF YANG modules and lint, clients for the tests)"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r setup/requirements.txt
echo "$wanted" > "$stamp"
