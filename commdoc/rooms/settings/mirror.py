"""The JSON mirror: what a person or a tool reads and writes, as text. No I/O.

Values stand in sections. What stands there in an old form (flat keys) is read as if it stood in its section. What this
version doesn't know is kept as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from commdoc.errors import SettingError
from commdoc.protocol.settings import OLD_NAMES, SETTINGS, Value, nested


class MirrorError(ValueError):
    """A mirror that is no JSON object."""


@dataclass
class Content:
    """What a mirror says.

    Attributes
    ----------
    values
        Settings by name, checked; None for one that is to be unset.
    refused
        Why others are not among them.
    unknown
        The rest of the mirror, which is to stay.
    """

    values: dict[str, Value | None] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    unknown: dict[str, Any] = field(default_factory=dict)


def read(text: str) -> Content:
    """Read a mirror.

    Raises
    ------
    MirrorError
        When it is no JSON object.
    """
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"not JSON: {error}" if text.strip() else "it is empty"
        raise MirrorError(msg) from None
    if not isinstance(whole, dict):
        raise MirrorError("not a JSON object")
    content = Content()
    sections = {key.partition(".")[0] for key in SETTINGS}
    flat = {}
    for key, value in whole.items():
        if key in sections and isinstance(value, dict):
            _section(content, key, value)
        elif key in OLD_NAMES or key in SETTINGS:
            flat[OLD_NAMES.get(key, key)] = value
        else:
            content.unknown[key] = value
    for name, value in flat.items():
        if name not in content.values:  # the new form is the newer one
            _take(content, name, value)
    return content


def _section(content: Content, section: str, items: Mapping[str, Any]) -> None:
    for key, value in items.items():
        name = f"{section}.{key}"
        if name in SETTINGS:
            _take(content, name, value)
        else:
            content.unknown.setdefault(section, {})[key] = value


def _take(content: Content, name: str, value: object) -> None:
    try:
        content.values[name] = None if value is None else SETTINGS[name].check(value)
    except SettingError as error:
        content.refused.append(str(error))


def render(values: Mapping[str, Value], unknown: Mapping[str, Any]) -> str:
    """Return the text of a mirror."""
    whole = nested(values)
    for key, value in unknown.items():
        if isinstance(value, dict) and isinstance(whole.get(key), dict):
            whole[key].update(value)
        else:
            whole.setdefault(key, value)
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
