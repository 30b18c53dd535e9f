"""Looks at commdoc in another environment: `commdoc doctor` runs this text with a kernel's own interpreter.

Prints one line of JSON behind `MARK`. It imports nothing of commdoc before it tries whether it can, and is written for
any Python from 3.7 on, whatever a kernel runs.
"""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Any

MARK = "commdoc-doctor:"


def look() -> dict[str, Any]:
    """Return what there is."""
    seen: dict[str, Any] = {"python": ".".join(map(str, sys.version_info[:3])), "prefix": sys.prefix}
    seen.update(packages())
    try:
        import commdoc.kernel.extension
        from commdoc.protocol import version

        seen["commdoc"] = commdoc.__version__
        seen["protocol"] = [version.MIN_PROTOCOL_VERSION, version.PROTOCOL_VERSION]
    except ImportError as error:
        absent = getattr(error, "name", None) == "commdoc"
        seen["error"] = None if absent else f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001 - said, not raised
        seen["error"] = f"{type(error).__name__}: {error}"
    try:
        seen["extensions"] = extensions()
    except Exception:  # noqa: BLE001 - a configuration of the user's
        seen["extensions"] = []
    return seen


def packages() -> dict[str, Any]:
    """Return commdoc's requirements there, and which versions of them are there."""
    try:
        from importlib import metadata
    except ImportError:  # Python 3.7
        return {"requires": [], "versions": {}}
    try:
        requires = metadata.requires("commdoc") or []
    except metadata.PackageNotFoundError:
        requires = []
    names = {name for each in requires for name in re.findall(r"^[\w.-]+", each)} | {
        "ipykernel",
        "ipywidgets",
        "anywidget",
    }
    versions: dict[str, str | None] = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {"requires": requires, "versions": versions}


def extensions() -> list[str]:
    """Return what IPython's configuration makes each kernel load. Nothing is made, not even the profile's folder."""
    from IPython.core import application
    from traitlets.config import Application

    app = Application()
    app.python_config_loader_class = application.ProfileAwareConfigLoader
    # Not IPython.paths.get_ipython_dir: it makes the folder.
    ipython = os.environ.get("IPYTHONDIR") or "~/.ipython"
    folders = [os.path.expanduser(ipython) + "/profile_default"]  # noqa: PTH111
    folders += application.ENV_CONFIG_DIRS + application.SYSTEM_CONFIG_DIRS
    for name in ("ipython_config", "ipython_kernel_config"):
        app.load_config_file(name, path=folders)
    loaded = []
    for trait in ("extensions", "extra_extensions"):
        for section in ("IPKernelApp", "InteractiveShellApp"):  # the first that has it counts
            if trait in app.config[section]:
                loaded += list(app.config[section][trait])
                break
    return [str(each) for each in loaded]


if __name__ == "__main__":
    sys.stdout.write(MARK + json.dumps(look()) + "\n")
