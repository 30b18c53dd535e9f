"""The settings of a user: their names, what they may be, who reads them. No I/O.

A setting has a name of two parts, the section and the key: ``page.theme``. In the mirror a section is an object:
``{"page": {"theme": "dark"}}``. Names that were flat once are known, too (`OLD_NAMES`). What a value may be is
checked here and nowhere else: by the mirror, the command line, the room, and whoever is told.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from commdoc.errors import SettingError

Value: TypeAlias = bool | int | float | str
Values: TypeAlias = dict[str, Value]

Reader = Literal["bridge", "host", "window"]


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes
    ----------
    key
        Its name, ``section.key``.
    default
        Its value where nobody set it; it has the type of all its values. An int is fine for a float.
    help
        What it is, in one sentence.
    reader
        Whom it is for: the kernel's side, the room's host, or the windows, which may also set it.
    least, most
        Bounds of a number, both allowed.
    choices
        What a text may be.
    unit
        Of a number.
    """

    key: str
    default: Value
    help: str
    reader: Reader
    least: float = -math.inf
    most: float = math.inf
    choices: tuple[str, ...] = ()
    unit: str = ""

    @property
    def type_name(self) -> str:
        """Its type, as a person reads it."""
        return {bool: "true or false", int: "integer", float: "number", str: "text"}[type(self.default)]

    def check(self, value: object) -> Value:
        """Return a value as this setting has it.

        Raises
        ------
        SettingError
            When it is none of its values.
        """
        kind = type(self.default)
        if kind is bool or kind is str:
            if type(value) is not kind or (self.choices and value not in self.choices):
                raise SettingError(f"{self.key} is {self._allowed()}, not {_shown(value)}")
            return value
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise SettingError(f"{self.key} is {self._allowed()}, not {_shown(value)}")
        if (kind is int and value != int(value)) or not self.least <= value <= self.most:
            raise SettingError(f"{self.key} is {self._allowed()}, not {_shown(value)}")
        return kind(value)

    def read(self, text: str) -> Value:
        """Return the value that a person typed. Raises `SettingError`."""
        if isinstance(self.default, str):
            return self.check(text)
        try:
            value = json.loads(text)
        except ValueError:
            value = {"on": True, "yes": True, "off": False, "no": False}.get(text.lower(), text)
        return self.check(value)

    def _allowed(self) -> str:
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if isinstance(self.default, bool | str):
            return self.type_name
        article = "an" if self.type_name[0] == "i" else "a"
        return f"{article} {self.type_name} from {self.least:g} to {self.most:g}"


def _shown(value: object) -> str:
    text = json.dumps(value, default=repr, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"


_ALL: Final = (
    Setting(
        "kernel.window_ms",
        16,
        "How long changes of traits are merged before the room is told.",
        "bridge",
        least=1,
        most=1_000,
        unit="ms",
    ),
    Setting(
        "kernel.blob_threshold",
        1024,
        "Longest JSON text of a value that stays in the document; a longer one is a blob.",
        "bridge",
        least=1024,
        most=65_536,
        unit="bytes",
    ),
    Setting(
        "rooms.windows",
        200,
        "Windows and viewers that a room takes at a time.",
        "host",
        least=1,
        most=10_000,
    ),
    Setting(
        "rooms.queue_mb",
        4.0,
        "Pending document updates of a window; past it they become one difference.",
        "host",
        least=0.25,
        most=256,
        unit="MB",
    ),
    Setting(
        "rooms.event_mb",
        64.0,
        "Pending events of a window; past it one that takes nothing is let go.",
        "host",
        least=1,
        most=1_024,
        unit="MB",
    ),
    Setting(
        "rooms.request_seconds",
        10.0,
        "How long what a window asked for waits for a kernel that is not connected.",
        "host",
        least=1,
        most=600,
        unit="s",
    ),
    Setting(
        "rooms.blob_grace_seconds",
        60.0,
        "How long a blob stays that nothing names any more.",
        "host",
        least=30,
        most=3_600,
        unit="s",
    ),
    Setting(
        "server.sidecar_grace_seconds",
        60.0,
        "How long a sidecar stays when its kernel and all windows are gone.",
        "host",
        least=1,
        most=604_800,
        unit="s",
    ),
    Setting(
        "server.autoload",
        False,
        "Whether the kernels that a Jupyter server starts load commdoc by themselves.",
        "host",
    ),
    Setting(
        "server.local_socket",
        False,
        "Whether hosts have a local socket beside their WebSockets, for kernels and Python windows.",
        "host",
    ),
    Setting(
        "page.theme",
        "auto",
        "Colours of the page; auto follows the browser.",
        "window",
        choices=("auto", "light", "dark"),
    ),
    Setting(
        "page.motion",
        "auto",
        "Whether things on the page move by themselves; auto follows the browser, reduced does without.",
        "window",
        choices=("auto", "reduced"),
    ),
)

SETTINGS: Final[Mapping[str, Setting]] = {setting.key: setting for setting in _ALL}
"""All settings by name, in the order in which they are shown."""

OLD_NAMES: Final[Mapping[str, str]] = {
    "window_ms": "kernel.window_ms",
    "coalesce_ms": "kernel.window_ms",
    "blob_threshold": "kernel.blob_threshold",
    "max_windows": "rooms.windows",
    "request_seconds": "rooms.request_seconds",
    "blob_grace_seconds": "rooms.blob_grace_seconds",
    "sidecar_grace": "server.sidecar_grace_seconds",
    "grace_seconds": "server.sidecar_grace_seconds",
    "autoload": "server.autoload",
    "theme": "page.theme",
}
"""Flat keys of old settings files, and what they are called now; a flat full name is read, too."""


def of(key: str) -> Setting:
    """Return the setting of that name, an old one too.

    Raises
    ------
    SettingError
        When there is none.
    """
    key = OLD_NAMES.get(key, key)
    if key not in SETTINGS:
        raise SettingError(f"there is no setting {key}; `commdoc settings get` lists them")
    return SETTINGS[key]


def defaults() -> Values:
    """Return the value of each setting that nobody set."""
    return {key: setting.default for key, setting in SETTINGS.items()}


def for_reader(reader: Reader, values: Mapping[str, Value]) -> Values:
    """Return of `values` what one kind of reader is told."""
    return {key: value for key, value in values.items() if SETTINGS[key].reader == reader}


def read_told(told: object, reader: Reader) -> Values:
    """Return what a room told a reader, without what this version doesn't know or take."""
    found: Values = {}
    for key, value in told.items() if isinstance(told, Mapping) else ():
        setting = SETTINGS.get(key)
        if setting is not None and setting.reader == reader:
            try:
                found[key] = setting.check(value)
            except SettingError:
                continue  # of a newer room, which knows more values
    return found


def read_changes(asked: object) -> dict[str, Value | None]:
    """Return what a window asks for, checked; None unsets.

    Raises
    ------
    SettingError
        When one of them is no setting of windows, or no value of it; none is to be taken then.
    """
    if not isinstance(asked, Mapping):
        raise SettingError("settings are an object of names and values")
    changes: dict[str, Value | None] = {}
    for key, value in asked.items():
        setting = of(str(key))
        if setting.reader != "window":
            raise SettingError(
                f"{setting.key} can't be set by windows: `commdoc settings set {setting.key} VALUE`"
            )
        changes[setting.key] = None if value is None else setting.check(value)
    return changes


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as the mirror has them: sections of keys."""
    sections: dict[str, Any] = {}
    for key, value in values.items():
        section, _, name = key.partition(".")
        sections.setdefault(section, {})[name] = value
    return sections
