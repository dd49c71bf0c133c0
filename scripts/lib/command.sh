#!/bin/sh
# bluezone-agent, as installed: every command uses the state and the configuration of the service. Started by root, it
# runs as the service's user, so that no file in the state belongs to another user.
export STATE_DIRECTORY=/var/lib/bluezone-agent CONFIGURATION_DIRECTORY=/etc/bluezone-agent
export RUNTIME_DIRECTORY=/run/bluezone-agent BLUEZONE_NOTIFY_SOCKET=/run/bluezone-notify.socket
export BLUEZONE_WEB=/var/lib/bluezone-web BLUEZONE_PAGE=/run/bluezone-page
set -- /opt/bluezone-agent/venv/bin/python -IB -m bluezone_agent "$@"
[ "$(id -u)" != 0 ] || set -- setpriv --reuid=bluezone --regid=bluezone --init-groups -- "$@"
exec "$@"
