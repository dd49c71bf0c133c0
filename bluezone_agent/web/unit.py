"""The page of a campaign's folder: who takes part, and what a head of unit reports."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bluezone_agent.app.uptake import record
from bluezone_agent.app.uptake_report import UptakeReport, report
from bluezone_agent.app.uptake_text import cell, heading, notes, table
from bluezone_agent.errors import N_, AgentError
from bluezone_agent.i18n import speaking
from bluezone_agent.uptake.folder import UptakeFolder
from bluezone_agent.uptake.units import UptakeError
from bluezone_agent.web.guard import form_of
from bluezone_agent.web.pages import Shown
from bluezone_agent.web.rendering import explained
from bluezone_agent.web.site import Failed

UNIT: Final = "/unit"
LEVELS: Final = 1
LONGEST_NUMBER: Final = 9


class UnitPage:
    """The campaign in one folder, for a page of its owner."""

    path = UNIT
    name: str = N_("Unit")
    template = "unit"
    streams = ()

    def __init__(self, folder: Path) -> None:
        """Raises UptakeError for a folder that has no campaign."""
        UptakeFolder(folder).own_units()
        self._folder = folder

    async def shown(self, language: str) -> Shown:
        """Return the report of the latest round, and the units whose figures are recorded here."""
        units = await asyncio.to_thread(self._units)
        try:
            found = await asyncio.to_thread(self._report)
        except UptakeError as error:  # nobody has reported yet
            with speaking(language):
                return {"heading": explained(error)[0], "units": units, "rows": None, "notes": ()}
        with speaking(language):
            rows = table(found)
            return {
                "heading": heading(found),
                "units": units,
                "names": rows.names,
                "rows": [[cell(value, name) for name, value in zip(rows.names, row, strict=True)] for row in rows.rows],
                "notes": list(notes(found)),
            }

    def routes(self, failed: Failed) -> list[Route]:
        """Return what the page answers besides being shown."""

        async def recorded(request: Request) -> Response:
            form = form_of(await request.body())
            try:
                await asyncio.to_thread(self._record, form.get("unit", ""), form.get("installed", "").strip())
            except (AgentError, OSError) as error:
                return failed(request, error)
            return RedirectResponse(UNIT, 303)

        return [Route(UNIT, recorded, methods=["POST"])]

    def _report(self) -> UptakeReport:
        return report(self._folder, number=None, unit=None, levels=LEVELS, deadline=None)

    def _units(self) -> list[str]:
        tree = UptakeFolder(self._folder).own_units()
        return sorted(tree.units[leaf].unit for leaf in tree.leaves() if not tree.is_awaited(leaf))

    def _record(self, unit: str, installed: str) -> None:
        if not (installed.isascii() and installed.isdigit() and len(installed) <= LONGEST_NUMBER):
            raise UptakeError(
                N_('"{value}" is not a number of people'), N_("write a whole number, such as 17"), value=installed
            )
        record(self._folder, unit, installed=int(installed), streets=None, leaflets=None, number=None, at=None)
