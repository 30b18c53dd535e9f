"""Puts Node into the virtual environment when the system has none that is recent enough: ``python tools/node.py``.

The commands become small scripts in the environment's ``bin``, which the Makefile puts on the PATH.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import hatch_build


def main() -> None:
    """Write ``node``, ``npm`` and ``npx`` beside this Python, if they are needed."""
    if hatch_build.system_node():
        return
    folder = hatch_build.wheel_node()
    if folder is None:
        sys.exit(f"commdoc: install {hatch_build.NODE_REQUIREMENT} or a system Node")
    for name in ("node", "npm", "npx"):
        script = Path(sys.prefix, "bin", name)
        script.write_text(f'#!/bin/sh\nPATH="{folder}:$PATH" exec "{folder / name}" "$@"\n', encoding="utf-8")
        script.chmod(0o755)


if __name__ == "__main__":
    main()
