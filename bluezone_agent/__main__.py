"""The ``bluezone-agent`` command, and ``python -m bluezone_agent``."""

import sys


def main() -> None:
    """Run the command line. Ctrl-C while it loads or starts ends it quietly too."""
    try:
        from bluezone_agent.cli import main as command_line  # noqa: PLC0415 - Ctrl-C may arrive during the import

        command_line()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
