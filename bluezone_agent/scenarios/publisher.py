"""The health authority of a simulated world: the real authority's code, with a scratch folder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

from bluezone_agent.actions import export_keys
from bluezone_agent.authority import publish
from bluezone_agent.core.identifiers import DailyKey, ReportType
from bluezone_agent.exposure_check.check import PinnedSource
from bluezone_agent.key_sources import open_source

KEY_ID: Final = "452"
"""The mobile country code of Vietnam."""
REGION: Final = "VN"


class Publisher:
    """Accepts submissions and publishes signed diagnosis key files."""

    def __init__(self, folder: Path) -> None:
        """Create a signing key, and an index without files, in folders inside ``folder``."""
        self._key = publish.init(folder / "authority", KEY_ID, "v1")
        self._submissions = folder / "submissions"
        self._published = folder / "published"
        self._submissions.mkdir()
        self._publish(0)

    def publish(self, keys: Sequence[DailyKey], onset: date | None, now_s: float) -> int:
        """Submit ``keys`` and publish them at Unix second ``now_s``; return how many: the others are still valid."""
        export_keys.write(self._submissions / "case.json", keys, onset)
        return self._publish(now_s)

    def _publish(self, now_s: float) -> int:
        report = publish.publish(
            [self._submissions],
            self._key,
            self._published,
            now_s,
            report_type=ReportType.CONFIRMED_TEST,
            region=REGION,
            minimum=0,  # there is nobody to hide among here
        )
        return sum(file.keys for file in report.published)

    def source(self) -> PinnedSource:
        """Return the source for an agent's configuration."""
        return PinnedSource(open_source(str(self._published)), self._key.verification_key)
