"""The settings of the user whose host this is: where they are."""

from __future__ import annotations

from pathlib import Path

from commdoc.rooms.settings.user import UserSettings


def settings_folder() -> Path:
    """Return the folder of the settings of this user; it need not be there."""
    from jupyter_core.paths import jupyter_config_dir

    return Path(jupyter_config_dir(), "commdoc")


def host_settings() -> UserSettings:
    """Return the settings of this user, read. They are looked after once `UserSettings.start` was called."""
    settings = UserSettings(settings_folder())
    settings.load()
    return settings
