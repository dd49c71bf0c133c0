# Sourced by scripts/install and scripts/uninstall: the paths of the service's files, and how each is installed.

PREFIX=/opt/bluezone-agent
COMMAND=/usr/local/bin/bluezone-agent
UNIT_DIR=/usr/local/lib/systemd/system
SYSUSERS=/usr/local/lib/sysusers.d
TMPFILES=/usr/local/lib/tmpfiles.d
CONFIGURATION=/etc/bluezone-agent
STATE=/var/lib/bluezone-agent
TIMER_STAMP=/var/lib/systemd/timers/stamp-bluezone-check.timer
USER_NAME=bluezone
FETCHER=bluezone-fetch
NOTIFIER=bluezone-notify
BROKER=bluezone-radio
FETCHED="/var/lib/bluezone-fetch /var/cache/bluezone-spool"
NOTIFIED=/var/lib/bluezone-notify
WEB_USER=bluezone-web
WEB_STATE=/var/lib/bluezone-web
PAGE=/run/bluezone-page
SHARE=/usr/local/share
COMPLETIONS="bash-completion/completions/bluezone-agent zsh/site-functions/_bluezone-agent fish/vendor_completions.d/bluezone-agent.fish"
UNITS="bluezone-agent.service bluezone-fetch.service bluezone-check.service bluezone-check.timer bluezone-notify.service bluezone-notify.socket bluezone-radio.service bluezone-radio.socket"
SUBMITTER=bluezone-submit
WEB_UNITS="bluezone-web.service bluezone-submit.service bluezone-submit.socket" # with scripts/install --web
STARTED="bluezone-notify.socket bluezone-radio.socket bluezone-agent.service bluezone-check.timer"
RESTARTED="bluezone-notify.service bluezone-radio.service bluezone-agent.service bluezone-check.timer"
changed=

say() { echo "scripts/${action:-install}: $*"; }

service_impossible() {
    echo "scripts/$action: $1" >&2
    [ -z "$2" ] || echo "hint: $2" >&2
    exit 1
}

service_require_machine() {
    action=$1
    [ "$(id -u)" = 0 ] || service_impossible "it must run as root" "run: sudo scripts/$action"
    hint=
    [ "$action" != install ] || hint="run the agent in a terminal instead (docs/quick-start.md)"
    command -v systemctl >/dev/null || service_impossible "there is no systemd on this machine, so there is no service" "$hint"
}

# Whether systemd is process 1; in an image that is being built it is not.
service_alive() { [ -d /run/systemd/system ]; }

# Creates the environment and installs the locked packages; an up-to-date environment stays unchanged.
service_python() {
    python=${PYTHON:-python3}
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        service_impossible "bluezone-agent needs Python 3.11 or later; $python is $("$python" --version 2>&1)" "choose another Python: PYTHON=python3.12 scripts/install"
    # shellcheck disable=SC2046
    want=$(cat requirements.lock pyproject.toml $(find bluezone_agent -type f ! -name '*.pyc' | sort) | sha256sum | cut -d' ' -f1)
    if [ "$(cat "$PREFIX/.installed" 2>/dev/null)" = "$want" ]; then
        say "$PREFIX is up to date"
        return
    fi
    say "installing Python packages into $PREFIX/venv"
    rm -f "$PREFIX/.installed"
    mkdir -p "$PREFIX"
    "$python" -m venv "$PREFIX/venv" || service_impossible "the virtual environment could not be created" "on Debian and Raspberry Pi OS, run: apt install python3-venv"
    pip="$PREFIX/venv/bin/python -m pip --disable-pip-version-check --no-cache-dir install --quiet"
    $pip --require-hashes --only-binary :all: -r requirements.lock
    $pip --no-deps --no-build-isolation --no-index --force-reinstall .
    "$PREFIX/venv/bin/python" -m compileall -q "$PREFIX/venv/lib" || true
    echo "$want" >"$PREFIX/.installed"
    changed=yes
}

# Installs a file, unless it is already there: service_put FROM TO [MODE]
service_put() {
    ! cmp -s "$1" "$2" || return 0
    install -D -m "${3:-644}" "$1" "$2"
    say "wrote $2"
    changed=yes
}

# Installs the owner's page, or updates it where it is already installed.
service_web() {
    [ "$1" = yes ] || [ -e "$UNIT_DIR/bluezone-web.service" ] || return 0
    service_put systemd/bluezone-web.sysusers.conf "$SYSUSERS/bluezone-web.conf"
    systemd-sysusers "$SYSUSERS/bluezone-web.conf"
    service_put systemd/bluezone-web.tmpfiles.conf "$TMPFILES/bluezone-web.conf"
    ! service_alive || systemd-tmpfiles --create "$TMPFILES/bluezone-web.conf"
    for unit in $WEB_UNITS; do
        service_put "systemd/$unit" "$UNIT_DIR/$unit"
    done
    STARTED="$STARTED bluezone-submit.socket bluezone-web.service"
    RESTARTED="$RESTARTED bluezone-submit.service bluezone-web.service"
    say "the page's address: sudo bluezone-agent web --show-address"
}

# Writes manual pages in both languages, and completion for three shells.
service_helps() {
    made=$(mktemp -d)
    for language in en vi; do
        "$PREFIX/venv/bin/python" -IB -m bluezone_agent.cli.man "$made/man" "$language"
    done
    for path in $COMPLETIONS; do
        mkdir -p "$made/$(dirname "$path")"
        _BLUEZONE_AGENT_COMPLETE=${path%%[-/]*}_source "$PREFIX/venv/bin/python" -IB -m bluezone_agent >"$made/$path"
    done
    for page in "$SHARE"/man/man1/bluezone-agent*.1 "$SHARE"/man/*/man1/bluezone-agent*.1; do # of removed commands
        [ -e "$made${page#"$SHARE"}" ] || service_remove "$page"
    done
    helped=
    for path in $(cd "$made" && find . -type f | sort); do
        cmp -s "$made/$path" "$SHARE/$path" || { install -D -m 644 "$made/$path" "$SHARE/$path" && helped=yes; }
    done
    rm -rf "$made"
    [ -z "$helped" ] || say "wrote manual pages and shell completions below $SHARE"
}

service_remove_helps() {
    # shellcheck disable=SC2086
    (cd "$SHARE" 2>/dev/null && rm -f man/man1/bluezone-agent*.1 man/*/man1/bluezone-agent*.1 $COMPLETIONS &&
        rmdir -p man/vi/man1 $(dirname $COMPLETIONS) 2>/dev/null) || true # shared folders stay
    say "removed manual pages and shell completions below $SHARE"
}

# Writes a configuration with every setting explained, if there is none; only root and the service can read it.
service_configuration() {
    if [ -e "$CONFIGURATION/bluezone-agent.toml" ]; then
        say "kept $CONFIGURATION/bluezone-agent.toml"
        return
    fi
    install -d -m 750 -g "$USER_NAME" "$CONFIGURATION"
    service_example >"$CONFIGURATION/.new"
    chgrp "$USER_NAME" "$CONFIGURATION/.new"
    chmod 640 "$CONFIGURATION/.new"
    mv "$CONFIGURATION/.new" "$CONFIGURATION/bluezone-agent.toml"
    say "wrote $CONFIGURATION/bluezone-agent.toml: add your sources of diagnosis keys there"
}

service_example() { "$PREFIX/venv/bin/python" -IB -m bluezone_agent config init -; }

# Starts the service and its timer, or restarts them after a change.
service_start() {
    # shellcheck disable=SC2086
    systemctl --quiet enable $STARTED
    if ! service_alive; then
        say "enabled $STARTED: they start at the next boot, and \"sudo bluezone-agent status\" works from then on"
        return
    fi
    systemctl daemon-reload
    # shellcheck disable=SC2086
    [ -z "$changed" ] || systemctl --no-block try-restart $RESTARTED
    # the agent may wait for Bluetooth, and systemd restarts it until Bluetooth is there
    # shellcheck disable=SC2086
    systemctl --no-block start $STARTED
    say "started $STARTED; see: sudo bluezone-agent status"
}

service_stop() {
    # shellcheck disable=SC2086
    systemctl --quiet disable $STARTED $WEB_UNITS 2>/dev/null || true
    # shellcheck disable=SC2086
    ! service_alive || systemctl stop $WEB_UNITS $UNITS 2>/dev/null || true
    say "stopped and disabled $UNITS"
}

service_remove() {
    for path in "$@"; do
        if [ -e "$path" ]; then
            rm -rf "$path"
            say "removed $path"
        fi
    done
}

service_remove_untouched_configuration() {
    [ -e "$CONFIGURATION" ] || return 0
    if [ -z "$(find "$CONFIGURATION" -type f ! -name bluezone-agent.toml)" ] && service_example 2>/dev/null | cmp -s - "$CONFIGURATION/bluezone-agent.toml"; then
        service_remove "$CONFIGURATION"
    else
        say "kept $CONFIGURATION, which was changed; --purge deletes it"
    fi
}

service_reload() {
    service_alive || return 0
    systemctl daemon-reload
    # shellcheck disable=SC2086
    systemctl reset-failed $UNITS $WEB_UNITS 2>/dev/null || true
}
