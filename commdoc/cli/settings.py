"""``commdoc settings``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import click

from commdoc.cli.common import echo_json, json_option
from commdoc.errors import CommdocError, SettingError
from commdoc.protocol.settings import SETTINGS, Setting, Value, Values, defaults, of
from commdoc.rooms.settings.files import SettingsFolder
from commdoc.server.settings import settings_folder

EPILOG: Final = """\b
Examples:
  commdoc settings                          all of them
  commdoc settings get page.theme
  commdoc settings set page.theme dark      open pages follow
  commdoc settings unset page.theme         as if it had never been set
  commdoc settings path                     the file, to edit it by hand
  commdoc settings --json                   for a script
"""


def _setting(context: click.Context, parameter: click.Parameter, name: str | None) -> Setting | None:
    """Return the setting of that name; a wrong one is wrong usage."""
    try:
        return None if name is None else of(name)
    except SettingError as error:
        raise click.BadParameter(str(error), context, parameter) from None


@click.group(epilog=EPILOG, invoke_without_command=True)
@json_option()
@click.pass_context
def settings(context: click.Context, *, as_json: bool) -> None:
    """Show or change the settings of this user.

    Rooms, kernels and pages that are there follow within a second; none needs to be there.
    """
    if context.invoked_subcommand is None:
        _list(as_json=as_json)


@settings.command(epilog="\b\nExample:\n  commdoc settings get kernel.window_ms --json\n")
@click.argument("key", callback=_setting, required=False)
@json_option()
def get(*, key: Setting | None, as_json: bool) -> None:
    """Print a setting, or all of them."""
    if key is None:
        _list(as_json=as_json)
    elif as_json:
        echo_json(_about(key, _read()))
    else:
        click.echo(_text(_read()[key.key]))


@settings.command("set", epilog="\b\nExample:\n  commdoc settings set page.theme dark\n")
@click.argument("key", callback=_setting)
@click.argument("value")
@json_option()
def set_(*, key: Setting, value: str, as_json: bool) -> None:
    """Change a setting."""
    try:
        checked = key.read(value)
    except SettingError as error:
        raise click.BadParameter(str(error), param_hint="VALUE") from None
    _change(key, checked, as_json=as_json)
    if key.key == "server.autoload" and not as_json:
        click.echo(
            "It holds for kernels that a Jupyter server starts from now on; those that run stay as they are."
        )


@settings.command(epilog="\b\nExample:\n  commdoc settings unset page.theme\n")
@click.argument("key", callback=_setting)
@json_option()
def unset(*, key: Setting, as_json: bool) -> None:
    """Put a setting back to its default."""
    _change(key, None, as_json=as_json)


@settings.command(epilog="\b\nExample:\n  $EDITOR $(commdoc settings path)\n")
@json_option()
def path(*, as_json: bool) -> None:
    """Print where the file is that may be edited."""
    file = str(SettingsFolder(settings_folder()).mirror)
    if as_json:
        echo_json({"path": file})
    else:
        click.echo(file)


def _read() -> Values:
    folder = SettingsFolder(settings_folder())
    return _exchange(folder, {}) if folder.exists() else defaults()


def _change(key: Setting, value: Value | None, *, as_json: bool) -> None:
    values = _exchange(SettingsFolder(settings_folder()), {key.key: value})
    if as_json:
        echo_json(_about(key, values))
    else:
        click.echo(f"{key.key} = {_text(values[key.key])}")


def _exchange(folder: SettingsFolder, changes: Mapping[str, Value | None]) -> Values:
    try:
        exchanged = folder.exchange(changes=changes)
    except OSError as error:
        raise CommdocError(f"the settings can't be read or written: {error}") from error
    for note in exchanged.notes:
        click.echo(note, err=True)
    return exchanged.values


def _list(*, as_json: bool) -> None:
    values = _read()
    if as_json:
        echo_json({key: _about(setting, values) for key, setting in SETTINGS.items()})
        return
    for key, setting in SETTINGS.items():
        value = _text(values[key]) + (f" {setting.unit}" if setting.unit else "")
        mark = " " if values[key] == setting.default else "*"
        click.echo(f"{mark} {key:<30}{value:<12}{setting.help}")
    if values != defaults():
        click.echo("\n* another value than the default")


def _about(setting: Setting, values: Values) -> dict[str, Any]:
    about: dict[str, Any] = {
        "key": setting.key,
        "value": values[setting.key],
        "default": setting.default,
        "type": setting.type_name,
        "help": setting.help,
    }
    if setting.unit:
        about["unit"] = setting.unit
    if setting.choices:
        about["choices"] = list(setting.choices)
    elif not isinstance(setting.default, bool | str):
        about |= {"least": setting.least, "most": setting.most}
    return about


def _text(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)
