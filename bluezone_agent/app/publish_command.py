"""How the owner's page submits keys: by the command that a person would type, whose questions the page has asked."""

from __future__ import annotations

from bluezone_agent.app.device import Device
from bluezone_agent.app.own_command import answered
from bluezone_agent.core.requested_submission import RequestedSubmission
from bluezone_agent.daemon.control_socket import AgentRequest
from bluezone_agent.errors import AgentError


async def submit_keys(device: Device, request: AgentRequest) -> None:
    """Submit as the page asks the agent to; raises AgentError."""
    if request.submission is None:
        raise AgentError("a submission without answers")
    await submit(device, request.submission)


async def submit(device: Device, asked: RequestedSubmission) -> None:
    """Submit; the code goes to standard input, where no list of processes shows it. Raises CommandFailedError."""
    options = [] if asked.onset is None else ["--onset", asked.onset.isoformat()]
    options += ["--traveler"] if asked.traveler else []
    command = ["keys", "publish", "--yes", "--code", "-", "--days", str(asked.days), "--json", *options]
    await answered(device, *command, given=asked.code.encode() + b"\n", language=asked.language)
