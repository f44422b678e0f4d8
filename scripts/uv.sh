# Sourced from the project's root: sets UV to a uv that works, and lets it see pyenv's Pythons.

UV_VERSION=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' scripts/uv.lock)

# What is on the machine is what is used: no toolchain is fetched behind anybody's back.
UV_PYTHON_DOWNLOADS=never
export UV_PYTHON_DOWNLOADS

# pyenv's shims answer only for the versions that are switched on; the others are looked for where they lie.
for bin in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin; do
    if [ -d "$bin" ]; then PATH=$PATH:$bin; fi
done
export PATH

if command -v uv >/dev/null 2>&1; then
    UV=uv
else
    UV=.uv/bin/uv
    if ! "$UV" --version 2>/dev/null | grep -q "^uv $UV_VERSION\( \|$\)"; then
        echo "uv is not on PATH: putting uv $UV_VERSION into .uv/" >&2
        python3 -m venv --clear .uv || {
            echo "python3 cannot make a virtual environment. On Debian: apt-get install python3-venv; or install uv." >&2
            exit 1
        }
        .uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement scripts/uv.lock
    fi
fi
