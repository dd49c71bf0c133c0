"""Deletion of everything at the owner's request: keys, contacts, exposures, and every file that reveals them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bluezone_agent.config import Config
from bluezone_agent.errors import N_, StateInUseError
from bluezone_agent.files import left_over
from bluezone_agent.health.metrics_file import PREFIX
from bluezone_agent.paths import expanded
from bluezone_agent.radios.recorded.recording import COLUMNS
from bluezone_agent.stores.file.erase import erase
from bluezone_agent.stores.store import StateLock, agent_runs


def written_elsewhere(config: Config) -> list[Path]:
    """Return the agent's own files outside the state directory, as its configuration names them."""
    return list(_written_elsewhere(config))


def _written_elsewhere(config: Config) -> Iterator[Path]:
    if config.metrics_file:
        path = expanded(config.metrics_file)
        for written in (path, *left_over(path)):
            if _begins_with(written, f"# HELP {PREFIX}"):
                yield written
    if config.record and _begins_with(expanded(config.record), ",".join(COLUMNS)):
        yield expanded(config.record)


def _begins_with(path: Path, text: str) -> bool:
    """Return whether ``path`` is a regular file, not a link, that begins like the agent's own files."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(text)) == text.encode()


def require_stopped(state_dir: Path) -> None:
    """Raise StateInUseError while an agent runs: it would write the deleted data again."""
    if agent_runs(state_dir):
        raise StateInUseError(
            N_("an agent is running on {path}"),
            N_('stop it first: end "bluezone-agent run", or run "systemctl stop bluezone-agent" if it is a service'),
            path=state_dir,
        )


def wipe(state_dir: Path, elsewhere: list[Path]) -> list[Path]:
    """Delete everything that the agent keeps in ``state_dir``, and ``elsewhere``; return the deleted files.

    Raises StateInUseError while an agent or another command uses the state, StoreError when the disk refuses.
    """
    require_stopped(state_dir)
    with StateLock(state_dir):
        return erase(state_dir, elsewhere)
