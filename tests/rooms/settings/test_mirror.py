"""The mirror's text, and what of it is an edit."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commdoc.protocol.settings import defaults
from commdoc.rooms.settings import mirror
from commdoc.rooms.settings.merging import MOST_VERSIONS, STALE_SECONDS, Version, edits, replaced
from commdoc.rooms.settings.mirror import MirrorError

NOW = 1_000_000.0


def test_what_is_rendered_is_read_back() -> None:
    values = {**defaults(), "page.theme": "dark"}
    unknown = {"mine": [1], "page": {"newer": 2}}
    content = mirror.read(mirror.render(values, unknown))
    assert content.values == values
    assert content.unknown == unknown
    assert content.refused == []


def test_flat_keys_of_old_files_are_read() -> None:
    old = {"theme": "dark", "window_ms": 20, "page.motion": "reduced", "grace_seconds": 5, "other": 1}
    content = mirror.read(json.dumps(old))
    assert content.values == {
        "page.theme": "dark",
        "kernel.window_ms": 20,
        "page.motion": "reduced",
        "server.sidecar_grace_seconds": 5,
    }
    assert content.unknown == {"other": 1}


def test_the_new_form_goes_before_the_old_one() -> None:
    content = mirror.read(json.dumps({"theme": "dark", "page": {"theme": "light"}}))
    assert content.values == {"page.theme": "light"}


def test_what_can_not_be_is_left_out_with_a_reason() -> None:
    content = mirror.read(json.dumps({"page": {"theme": "purple", "motion": "reduced"}, "max_windows": 0}))
    assert content.values == {"page.motion": "reduced"}
    assert len(content.refused) == 2
    assert "page.theme is one of auto, light, dark" in content.refused[0]


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '{"a": }', "[" * 100_000])
def test_what_is_no_object_is_no_mirror(text: str) -> None:
    with pytest.raises(MirrorError):
        mirror.read(text)


def test_a_section_that_is_none_stays_as_it_is() -> None:
    assert mirror.read('{"page": 3}').unknown == {"page": 3}


# --- edits -----------------------------------------------------------------------------------------------------------


def test_only_what_is_present_and_different_counts() -> None:
    written = Version({"page.theme": "auto", "kernel.window_ms": 16})
    assert edits({"page.theme": "dark"}, [written], NOW) == {"page.theme": "dark"}
    assert edits({"page.theme": "auto", "kernel.window_ms": 16}, [written], NOW) == {}
    assert edits({"page.theme": None}, [written], NOW) == {"page.theme": None}
    assert edits({"page.theme": "dark"}, [], NOW) == {"page.theme": "dark"}


def test_a_tool_that_read_before_the_last_write_changes_what_it_changed() -> None:
    versions = [Version({"a": 1, "b": 1}, NOW - 0.1), Version({"a": 1, "b": 2})]
    assert edits({"a": 5, "b": 1}, versions, NOW) == {"a": 5}


def test_a_value_that_is_put_back_is_an_edit() -> None:
    versions = [Version({"a": 1, "b": 1}, NOW - 0.1), Version({"a": 1, "b": 2})]
    assert edits({"a": 1, "b": 1}, versions, NOW) == {"b": 1}


def test_a_version_of_long_ago_was_not_the_one_that_was_edited() -> None:
    versions = [Version({"a": 1, "b": 1}, NOW - STALE_SECONDS - 0.1), Version({"a": 1, "b": 2})]
    assert edits({"a": 5, "b": 1}, versions, NOW) == {"a": 5, "b": 1}


keys = st.sampled_from("abcd")
values = st.dictionaries(keys, st.integers(0, 3))


@given(st.lists(values, min_size=1, max_size=5), st.integers(0, 4), keys, st.integers(10, 99))
def test_an_edit_of_any_fresh_version_is_found_and_nothing_of_a_later_one_is_put_back(
    contents: list[dict[str, int]], which: int, key: str, value: int
) -> None:
    whole = [dict.fromkeys("abcd", 0) | content for content in contents]
    versions = [Version(dict(content), NOW) for content in whole[:-1]] + [Version(dict(whole[-1]))]
    seen = whole[which % len(whole)]
    changed = edits({**seen, key: value}, versions, NOW + 0.1)
    assert changed[key] == value
    assert len(changed) <= 1 + min(sum(seen[k] != c[k] for k in "abcd") for c in [seen])


def test_few_versions_are_remembered() -> None:
    versions: list[Version] = []
    for n in range(50):
        versions = replaced(versions, {"a": n}, NOW + n / 10)
    assert len(versions) == MOST_VERSIONS
    assert versions[-1] == Version({"a": 49})
    assert replaced(versions, {"a": 50}, NOW + 1_000)[:-1] == [Version({"a": 49}, NOW + 1_000)]
