# Sourced by the scripts: it finds or creates the virtual environment, installs the locked packages, and sets PATH.
#   use_venv requirements.lock | requirements-dev.lock
# A lock file is installed again only after it changed; an environment with the development packages serves all scripts.

use_venv() {
    lock=$1
    venv=${BLUEZONE_VENV:-.venv}
    python=${PYTHON:-python3}
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
        echo "bluezone-agent needs Python 3.11 or later; $python is $("$python" --version 2>&1)" >&2
        echo "hint: choose another Python: PYTHON=python3.12 $0" >&2
        exit 1
    }
    [ -x "$venv/bin/python" ] || {
        echo "creating a virtual environment in $venv" >&2
        "$python" -m venv "$venv" || {
            echo "hint: on Debian and Raspberry Pi OS, run: apt install python3-venv" >&2
            exit 1
        }
    }
    want=$(cat "$lock" pyproject.toml | sha256sum | cut -d' ' -f1)
    if [ "$(cat "$venv/.installed-$lock" 2>/dev/null)" != "$want" ]; then
        echo "installing the packages in $lock" >&2
        "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r "$lock"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
        "$venv/bin/python" -m compileall -q "$venv/lib" bluezone_agent || true
        echo "$want" >"$venv/.installed-$lock"
    fi
    PATH=$(cd "$venv" && pwd)/bin:$PATH
    export PATH
}
