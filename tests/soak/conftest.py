"""The browser of the browser tests, for those who soak with a page open."""

from tests.browser.conftest import chromium

__all__ = ["chromium"]
