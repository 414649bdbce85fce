"""The project's addresses: one constant each, so that a message and pyproject.toml say the same."""

from __future__ import annotations

PROJECT_URL = "https://github.com/temporal-static-libs/temporal-static-libs"
DOCS_URL = f"{PROJECT_URL}/blob/main/docs"
MANUAL_SETUP_URL = f"{DOCS_URL}/manual-setup.md"
TROUBLESHOOTING_URL = f"{DOCS_URL}/troubleshooting.md"
