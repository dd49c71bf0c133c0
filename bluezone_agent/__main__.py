"""``python -m bluezone_agent``: the same as the ``bluezone-agent`` command."""

from bluezone_agent.cli import main

main()
