#!/bin/sh
# Makes a virtual environment with exactly what the locks say, and Tally itself, editable.
#
#   scripts/venv.sh FOLDER PYTHON LOCK…     for example: scripts/venv.sh .venv '>=3.11,<3.14' requirements.lock
#
# requirements.run.lock is what Tally needs to run, requirements.lock that and what it is developed with.
#
# uv is taken from PATH; where there is none, a pinned one goes into .uv/. No Python is ever downloaded.
set -eu
folder=$1 python=$2
shift 2
cd "$(dirname "$0")/.."
. scripts/uv.sh

interpreter=$("$UV" python find --no-project --system "$python" 2>/dev/null) || {
    echo "Tally needs Python $python, and none was found on PATH or among pyenv's." >&2
    echo "Install one (Debian: apt-get install python3 python3-venv; macOS: brew install python@3.13), then run this again." >&2
    exit 1
}
echo "$folder: $("$interpreter" -V), $interpreter"
"$UV" venv --quiet --no-project --clear --python "$interpreter" "$folder"
# Compiled now, or every process of Dagster compiles for itself where writing bytecode is switched off. Another Python
# runs its tests once, and needs the least part of it.
case $folder in .venvs/3.*) compile= ;; *) compile=--compile-bytecode ;; esac
VIRTUAL_ENV=$folder "$UV" pip sync --quiet --require-hashes $compile "$@"
VIRTUAL_ENV=$folder "$UV" pip install --quiet --no-deps --no-build-isolation --editable .
