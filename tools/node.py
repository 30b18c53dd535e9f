"""Puts Node into the virtual environment when the system has none that is recent enough: ``python tools/node.py``.

The Makefile puts the environment's ``bin`` on the PATH.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import hatch_build

if __name__ == "__main__" and not hatch_build.system_node():
    hatch_build.write_commands(Path(sys.executable).parent)
