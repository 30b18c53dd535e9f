"""The environment in which `commdoc doctor` runs: commdoc, the server extension, the JupyterLab plugin."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from packaging.version import Version

import commdoc
from commdoc.cli.doctor.finding import (
    RESTART_SERVER,
    About,
    Finding,
    command,
    described,
    here,
    install,
    is_editable,
    ourselves,
    own_requires,
    plain,
    unmet,
    version_of,
)
from commdoc.protocol.version import MIN_PROTOCOL_VERSION, PROTOCOL_VERSION
from commdoc.version import __version__

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

GROUP: Final = "this environment"
PLUGIN: Final = "@commdoc/lab"
PLUGIN_IDS: Final = (PLUGIN, f"{PLUGIN}:plugin")
WIDGETS: Final = "@jupyter-widgets/jupyterlab-manager"
WIDGETS_IDS: Final = (WIDGETS, f"{WIDGETS}:plugin")
OLDEST_LAB: Final = Version("4.2")
LEVELS: Final = ("user", "sys_prefix", "system")


def look() -> Iterator[Finding]:
    """Look at all of it."""
    yield _package()
    if find_spec("jupyter_server") is None:
        found = "no Jupyter server here: an environment for kernels"
        yield About(GROUP, "server-extension", "server extension").ok(found)
        return
    app, early = _server_config()
    yield _server_side(app, early)
    yield _collaboration(app)
    if find_spec("jupyterlab_server") is None:
        found = "neither JupyterLab nor Notebook 7 here"
        yield About(GROUP, "lab-plugin", "JupyterLab plugin").ok(found)
        return
    yield from _lab()


def _package() -> Finding:
    missed = unmet(own_requires(), {each: version_of(each) for each in _names()})
    python = ".".join(map(str, sys.version_info[:3]))
    found = f"{__version__}, protocol {MIN_PROTOCOL_VERSION} to {PROTOCOL_VERSION}, Python {python}"
    if missed:
        found = f"{__version__}; {described(missed, {each.name: version_of(each.name) for each in missed})}"
        run = install(sys.executable, *plain(missed))
        return About(GROUP, "package", "commdoc").problem(found, run)
    if version_of("commdoc") is None:
        found += f", not installed, from {Path(commdoc.__file__).parents[1]}"
    return About(GROUP, "package", "commdoc").ok(found)


def _names() -> list[str]:
    from packaging.requirements import Requirement

    return [Requirement(each).name for each in own_requires()]


# --- server extension ------------------------------------------------------------------------------------------------


def _server_side(app: ServerApp, early: bool | None) -> Finding:
    about = About(GROUP, "server-extension", "server extension")
    wanted = [each for each in own_requires() if each.startswith("jupyter")]
    versions = {
        "jupyter_server": version_of("jupyter_server"),
        "jupyter-server": version_of("jupyter_server"),
    }
    missed = [each for each in unmet(wanted, versions, "server") if each.name.startswith("jupyter")]
    if missed:
        run = install(sys.executable, *plain(missed), options=("--upgrade",))
        return about.problem(described(missed, versions), run, then=RESTART_SERVER)
    folder = _who_says(app)
    enabled = app.jpserver_extensions.get("commdoc")
    if not enabled and early is not None:
        files = ", ".join(str(file) for file in app.loaded_config_files) or "the server's configuration"
        then = f"take commdoc out of c.ServerApp.jpserver_extensions in {files}, {RESTART_SERVER}"
        return about.problem("switched off by the server's configuration", then=then)
    if not enabled and folder is not None:
        commands, then = _enable(folder)
        return about.problem(f"switched off in {folder}", *commands, then=then)
    if not enabled:
        run = here("jupyter", "server", "extension", "enable", "commdoc", "--sys-prefix")
        return about.problem("not enabled: no configuration names it", run, then=RESTART_SERVER)
    trouble = _import_trouble()
    if trouble is not None:
        run = install(sys.executable, ourselves("server"), options=("--upgrade",))
        return about.problem(f"enabled, but it can't be imported: {trouble}", run, then=RESTART_SERVER)
    return about.ok(f"enabled{f' in {folder}' if folder is not None else ''}")


def _server_config() -> tuple[ServerApp, bool | None]:
    """Return a server that is not started, with the configuration that it would have.

    And what its own files, which come before those of packages, say of commdoc.
    """
    from jupyter_server.serverapp import ServerApp

    app = ServerApp(log_level=logging.CRITICAL)
    with contextlib.redirect_stdout(sys.stderr):  # what a configuration file prints is no part of ours
        app.load_config_file()
        early = app.jpserver_extensions.get("commdoc")
        app.find_server_extensions()
    return app, early


def _who_says(app: ServerApp) -> Path | None:
    """Return the folder whose word on the extension counts."""
    from jupyter_server.extension.config import ExtensionConfigManager

    for folder in app.config_file_paths:
        manager: Any = ExtensionConfigManager(read_config_path=[folder])
        if "commdoc" in manager.get_jpserver_extensions():
            return Path(folder)
    return None


def _enable(folder: Path) -> tuple[tuple[str, ...], str]:
    from jupyter_core.paths import ENV_CONFIG_PATH, SYSTEM_CONFIG_PATH, jupyter_config_dir

    flag = "--user" if folder == Path(jupyter_config_dir()) else None
    flag = "--system" if str(folder) == SYSTEM_CONFIG_PATH[0] else flag
    flag = "--sys-prefix" if str(folder) == ENV_CONFIG_PATH[0] else flag
    if flag is None:  # no command writes there
        return (), f"take commdoc out of jpserver_extensions in {folder}, {RESTART_SERVER}"
    return (here("jupyter", "server", "extension", "enable", "commdoc", flag),), RESTART_SERVER


def _import_trouble() -> str | None:
    from jupyter_server.extension import manager

    make: Any = manager.ExtensionPackage
    try:
        package = make(name="commdoc", enabled=True)
        return None if package.validate() else "no extension in it"
    except Exception as error:  # noqa: BLE001 - whatever stands in the way of the server's own import
        return str(error)[:200]


def _collaboration(app: ServerApp) -> Finding:
    known = {
        "jupyter-collaboration": (
            "jupyter_server_ydoc",
            version_of("jupyter-collaboration") or version_of("jupyter-server-ydoc"),
        ),
        "jupyter-server-documents": ("jupyter_server_documents", version_of("jupyter-server-documents")),
    }
    there = [
        f"{name} {version}"
        for name, (module, version) in known.items()
        if version is not None and app.jpserver_extensions.get(module)
    ]
    about = About(GROUP, "collaboration", "real-time collaboration")
    if len(there) > 1:
        found = f"{' and '.join(there)}: they share the same notebooks"
        run = command(
            sys.executable, "-m", "pip", "uninstall", "jupyter-server-ydoc", "jupyter-collaboration"
        )
        return about.hint(found, run, then="or the other one; " + RESTART_SERVER)
    return about.ok(there[0] if there else "none: commdoc has its own document")


# --- JupyterLab ------------------------------------------------------------------------------------------------------


def _lab() -> Iterator[Finding]:
    from jupyter_core.paths import jupyter_path
    from jupyterlab_server.config import get_federated_extensions, get_page_config

    folders = jupyter_path("labextensions")
    extensions = get_federated_extensions(folders)
    disabled = get_page_config(folders, _lab_settings())["disabledExtensions"]
    lab = version_of("jupyterlab")
    if lab is not None and Version(lab) < OLDEST_LAB:
        run = install(sys.executable, f"jupyterlab>={OLDEST_LAB}", options=("--upgrade",))
        found = f"JupyterLab {lab} is older than {OLDEST_LAB}"
        yield About(GROUP, "lab-plugin", "JupyterLab plugin").problem(found, run, then=RESTART_SERVER)
    else:
        yield _plugin(extensions.get(PLUGIN), disabled)
    yield _widgets(extensions.get(WIDGETS), disabled)


def _plugin(extension: dict[str, Any] | None, disabled: list[str]) -> Finding:
    about = About(GROUP, "lab-plugin", "JupyterLab plugin")
    if extension is None:
        again = (install(sys.executable, ourselves("server"), options=("--force-reinstall", "--no-deps")),)
        found = "not installed"
        if is_editable():
            found = "not installed: commdoc is an editable install, which has none"
        return about.problem(found, *again, then=RESTART_SERVER)
    if off := [each for each in PLUGIN_IDS if each in disabled]:
        return about.problem(
            f"switched off ({', '.join(off)})", *_enable_lab(off), then="then reload the page"
        )
    version, place = str(extension["version"]), Path(extension["ext_path"])
    if Version(version) != Version(__version__):
        found = f"{version} in {place}, commdoc is {__version__}"
        if place.is_relative_to(sys.prefix):
            run = install(sys.executable, ourselves("server"), options=("--force-reinstall", "--no-deps"))
        else:  # it hides the one of this environment
            run = command("rm", "-r", str(place))
        return about.problem(found, run, then=RESTART_SERVER)
    return about.ok(f"{version}, enabled{', loads commdoc in every kernel' if _for_every_kernel() else ''}")


def _for_every_kernel() -> bool:
    """Tell whether this user has the plugin's setting on."""
    try:
        commands: Any = import_module("jupyterlab.commands")
        file = Path(commands.get_user_settings_dir(), PLUGIN, "plugin.jupyterlab-settings")
        settings: Any = import_module("json5").loads(file.read_text(encoding="utf-8"))
        return settings.get("everyKernel") is True
    except (ImportError, OSError, ValueError, AttributeError):
        return False


def _widgets(extension: dict[str, Any] | None, disabled: list[str]) -> Finding:
    about = About(GROUP, "lab-widgets", "JupyterLab's widgets")
    if extension is None:
        run = (install(sys.executable, "jupyterlab_widgets"),)
        return about.problem("jupyterlab_widgets is not installed here", *run, then=RESTART_SERVER)
    if off := [each for each in WIDGETS_IDS if each in disabled]:
        return about.problem(
            f"switched off ({', '.join(off)})", *_enable_lab(off), then="then reload the page"
        )
    return about.ok(f"jupyterlab_widgets {version_of('jupyterlab_widgets') or extension['version']}")


def _lab_settings() -> str | None:
    try:
        commands: Any = import_module("jupyterlab.commands")
    except ImportError:  # another front end of jupyterlab_server
        return None
    return str(Path(commands.get_app_dir(), "settings"))


def _enable_lab(names: list[str]) -> tuple[str, ...]:
    from jupyterlab_server.config import get_static_page_config

    found = [
        here("jupyter", "labextension", "enable", name, f"--level={level}")
        for name in names
        for level in LEVELS
        if get_static_page_config(level=level).get("disabledExtensions", {}).get(name)
    ]
    return tuple(found or [here("jupyter", "labextension", "enable", name) for name in names])
