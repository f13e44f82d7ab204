#!/bin/sh
# Installs the Debian packages that building and testing need, with `clients` those of the real clients in
# tests/clients; without root, prints the one line to run.
set -eu
missing=""
need() { # need COMMAND-OR-FILE PACKAGE
    if ! command -v "$1" >/dev/null 2>&1 && [ ! -e "$1" ]; then missing="$missing $2"; fi
}
want() { # want PACKAGE...: the first of them that the distribution has
    if [ "$(id -u)" = 0 ] && [ -z "$updated" ]; then apt-get update -qq && updated=yes; fi
    for package in "$@"; do
        if apt-cache show "$package" >/dev/null 2>&1; then
            missing="$missing $package"
            return
        fi
    done
    echo "setup: the package sources have no $*: the tests that need it are skipped"
}
updated=""
if [ "${1:-}" = clients ]; then
    command -v yanglint >/dev/null 2>&1 || want libyang2-tools libyang-tools
    command -v yangcli >/dev/null 2>&1 || want yangcli
    python3 -c 'import ctypes; ctypes.CDLL("libnetconf2.so.2")' 2>/dev/null || want libnetconf2-2
else
    need cc build-essential
    need make make
    need cmake cmake
    need pkg-config pkg-config
    need ssh openssh-client
    need python3 python3
    if ! pkg-config --exists libpcre2-8 2>/dev/null; then missing="$missing libpcre2-dev"; fi
    if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then missing="$missing python3-venv"; fi
fi
[ -n "$missing" ] || exit 0
line="apt-get update && apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then
    echo "setup: installing system packages:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of package names
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "setup: these packages are missing:$missing" >&2
    echo "setup: run this, then make again:  sudo sh -c '$line'" >&2
    exit 1
fi
