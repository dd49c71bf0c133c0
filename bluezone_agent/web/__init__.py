"""The owner's local page: Starlette behind uvicorn, which need the extra ``web``."""
