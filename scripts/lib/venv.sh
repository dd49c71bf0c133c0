# Sourced by the scripts: finds or makes the virtual environment, installs what is locked, puts it on PATH.
#   use_venv requirements.lock | requirements-dev.lock
# A lock file is installed again only when it changed; an environment with the development packages serves all.

use_venv() {
    lock=$1
    venv=${BLUEZONE_VENV:-.venv}
    python=${PYTHON:-python3}
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
        echo "bluezone-agent needs Python 3.11 or later, $python is $("$python" --version 2>&1)" >&2
        echo "hint: name another one: PYTHON=python3.12 $0" >&2
        exit 1
    }
    [ -x "$venv/bin/python" ] || {
        echo "making a virtual environment in $venv" >&2
        "$python" -m venv "$venv" || {
            echo "hint: on Debian and Raspberry Pi OS, run: apt install python3-venv" >&2
            exit 1
        }
    }
    want=$(cat "$lock" pyproject.toml | sha256sum | cut -d' ' -f1)
    if [ "$(cat "$venv/.installed-$lock" 2>/dev/null)" != "$want" ]; then
        echo "installing what $lock pins" >&2
        "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r "$lock"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
        "$venv/bin/python" -m compileall -q "$venv/lib" bluezone_agent || true
        echo "$want" >"$venv/.installed-$lock"
    fi
    PATH=$(cd "$venv" && pwd)/bin:$PATH
    export PATH
}
