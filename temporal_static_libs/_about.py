"""The project's version and URLs, for messages and pyproject.toml."""

from __future__ import annotations

__version__ = "0.10.1"
"""The version of the `temporalio-sdk-core` crate in the archives."""

PROJECT_URL = "https://github.com/temporal-static-libs/temporal-static-libs"
DOCS_URL = f"{PROJECT_URL}/blob/main/docs"
MANUAL_SETUP_URL = f"{DOCS_URL}/manual-setup.md"
TROUBLESHOOTING_URL = f"{DOCS_URL}/troubleshooting.md"
