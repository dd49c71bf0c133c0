"""How the agent is, judged from its journal."""
