"""Kernels that load commdoc by themselves: an argument for those that this server starts in its own environment.

IPython loads what ``--ext`` names when it starts, beside what its configuration names; nothing is written into
anybody's configuration, and without the setting the next kernel starts as before. A kernel of another environment might
have no commdoc, and would complain: it is left alone.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

ARGUMENT: Final = "--ext=commdoc"


def arguments(manager: Any, kernel_name: str | None) -> list[str]:
    """Return what to add to the command line of a kernel.

    Parameters
    ----------
    manager
        The server's kernel manager.
    kernel_name : str, optional
        Of the kernelspec; the manager's default without it.
    """
    name = kernel_name or manager.default_kernel_name
    argv = list(manager.kernel_spec_manager.get_kernel_spec(name).argv)
    return [ARGUMENT] if _is_own_ipykernel(argv) else []


def _is_own_ipykernel(argv: Sequence[str]) -> bool:
    if not argv or not {"ipykernel", "ipykernel_launcher"} & set(argv):
        return False
    if argv[0] in ("python", f"python{sys.version_info[0]}", "python{}.{}".format(*sys.version_info[:2])):
        return True  # jupyter_client puts the server's own interpreter there
    found = shutil.which(argv[0])
    return found is not None and Path(found).absolute().parent == Path(sys.executable).absolute().parent
