#!/bin/sh
# Runs the fast tests on the newest supported Python that the machine has, besides the one of .venv, which ran them all;
# with `all` on each of them.
set -eu
cd "$(dirname "$0")/.."
. scripts/uv.sh

main=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
found='' missing=''
for version in 3.11 3.12 3.13; do
    [ "$version" = "$main" ] && continue
    if "$UV" python find --no-project --system "$version" >/dev/null 2>&1; then
        found="$found $version"
    else
        missing="$missing $version"
    fi
done
# With the oldest and the newest tried, those between hardly differ; each takes minutes.
[ "${1:-}" = all ] || found=${found:+ ${found##* }}
echo "All tests ran on Python $main. The fast ones run on:${found:- no other}. Not on this machine:${missing:- none}."

for version in $found; do
    make --no-print-directory ".venvs/$version/.ready" PYTHON="$version"
    echo "== Python $version"
    # What differs between Pythons shows on few examples, and not in what Terraform or an emulated AWS answers.
    TALLY_TEST_PROFILE=quick ".venvs/$version/bin/python" -m pytest -q --numprocesses auto --dist loadfile \
        -m "not slow and not browser and not aws" \
        --ignore tally_pipeline_tests/deploy --ignore tally_pipeline_tests/testkit
done
