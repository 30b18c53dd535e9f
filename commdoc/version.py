"""The version of this release; `pyproject.toml` says the same, and a test holds them together."""

from typing import Final

__version__: Final = "0.1.0"
