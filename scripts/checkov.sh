#!/bin/sh
# checkov looks deploy/ over. It has an environment of its own, .venvs/checkov, for it pins another boto3 than ours.
# Checks that do not fit are switched off beside what they complain of, each with its reason.
set -eu
cd "$(dirname "$0")/.."
. scripts/uv.sh

folder=.venvs/checkov lock=deploy/checkov.lock
if [ ! -e "$folder/.ready" ] || [ "$lock" -nt "$folder/.ready" ]; then
    "$UV" venv --quiet --no-project --clear --python '>=3.11,<3.14' "$folder"
    VIRTUAL_ENV=$folder "$UV" pip sync --quiet --require-hashes "$lock"
    touch "$folder/.ready"
fi
exec "$folder/bin/checkov" --directory deploy --framework terraform --skip-download --compact --quiet "$@"
