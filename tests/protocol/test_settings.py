"""What settings there are, and what they may be."""

from __future__ import annotations

import pytest

from commdoc.errors import SettingError
from commdoc.protocol import settings
from commdoc.protocol.settings import OLD_NAMES, SETTINGS, of


@pytest.mark.parametrize("key", SETTINGS)
def test_each_setting_takes_its_default_and_says_what_it_is(key: str) -> None:
    setting = SETTINGS[key]
    assert setting.check(setting.default) == setting.default
    assert type(setting.check(setting.default)) is type(setting.default)
    assert setting.help.endswith(".")
    assert key.count(".") == 1


def test_old_names_lead_to_settings() -> None:
    assert set(OLD_NAMES.values()) <= set(SETTINGS)
    assert not set(OLD_NAMES) & {key.partition(".")[0] for key in SETTINGS}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kernel.window_ms", 0),
        ("kernel.window_ms", 1_001),
        ("kernel.window_ms", 16.5),
        ("kernel.window_ms", True),
        ("kernel.window_ms", "16"),
        ("kernel.window_ms", float("nan")),
        ("rooms.queue_mb", 0),
        ("rooms.request_seconds", float("inf")),
        ("server.autoload", 1),
        ("page.theme", "purple"),
        ("page.theme", None),
    ],
)
def test_what_is_none_of_its_values_is_refused_with_the_name(key: str, value: object) -> None:
    with pytest.raises(SettingError, match=key):
        SETTINGS[key].check(value)


def test_numbers_have_their_setting_s_type() -> None:
    # A Y.Map of another client gives every number back as a float.
    window = SETTINGS["kernel.window_ms"].check(20.0)
    assert (window, type(window)) == (20, int)
    queue = SETTINGS["rooms.queue_mb"].check(8)
    assert (queue, type(queue)) == (8.0, float)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("server.autoload", "true", True),
        ("server.autoload", "off", False),
        ("kernel.window_ms", "33", 33),
        ("page.theme", "dark", "dark"),
    ],
)
def test_what_a_person_types(key: str, text: str, value: object) -> None:
    assert of(key).read(text) == value


def test_a_window_may_set_what_is_for_windows_alone() -> None:
    assert settings.read_changes({"page.theme": "dark", "page.motion": None}) == {
        "page.theme": "dark",
        "page.motion": None,
    }
    refused: list[object] = [
        {"rooms.windows": 5},
        {"page.theme": "dark", "nope.x": 1},
        {"page.theme": 3},
        [],
        "x",
    ]
    for asked in refused:
        with pytest.raises(SettingError):
            settings.read_changes(asked)


def test_a_reader_passes_over_what_it_does_not_know() -> None:
    told = {"page.theme": "sepia", "page.motion": "reduced", "page.new": 1, "rooms.windows": 3}
    assert settings.read_told(told, "window") == {"page.motion": "reduced"}
    assert settings.read_told(None, "window") == {}
