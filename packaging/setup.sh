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

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade "pip>=24"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$here/constraints.txt" \
    --editable "$root/flowscope_sdk/python" --editable "$root[dev]"
