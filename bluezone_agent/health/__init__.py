"""The health of the agent, judged from its journal."""
