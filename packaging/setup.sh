#!/bin/sh
# Sets up a source checkout: the system libraries that Qt needs, where this user may install them, and a
# virtual environment with both distributions in editable form. Safe to run again.
set -eu
venv=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "FlowScope needs Python 3.11 or newer; $("$python" --version 2>&1) is what $python starts." >&2
    echo "Name another one with: make PYTHON=python3.12 ..." >&2
    exit 1
}

sh "$here/system-libraries.sh"

# What loads over a network may fail and succeed a moment later.
again() {
    for pause in 5 20 60; do
        "$@" && return
        echo "Trying again in $pause s..." >&2
        sleep "$pause"
    done
    "$@"
}

install() {
    again "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --timeout 60 "$@"
}

# An environment that was cut off while it was made has no pip.
"$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear "$venv"
install --upgrade "pip>=24"
install --constraint "$here/constraints.txt" \
    --editable "$root/flowscope_sdk/python" --editable "$root[dev]"
