"""What counts as a difference."""

from __future__ import annotations

import math
from typing import Any

import pytest

from commdoc.window.compare import KERNEL, CommDump, compare
from commdoc.window.kernel_dump import canonical


def comm(value: Any, **more: Any) -> CommDump:
    return {"target_name": "jupyter.widget", "kind": "widget", "state": {"value": canonical(value)}, **more}


def browser(value: Any) -> CommDump:
    return {"target_name": "jupyter.widget", "browser": True, "state": {"value": value}}


def differences(**sides: Any) -> list[str]:
    return [str(found) for found in compare({name: {"c": it} if it else {} for name, it in sides.items()})]


@pytest.mark.parametrize(
    "value", [None, True, 5, 5.0, math.nan, -0.0, 2**70, b"", {"a": [b"\x00", {}]}, "x" * 999]
)
def test_the_same_value_is_no_difference(value):
    assert differences(kernel=comm(value), document=comm(value), window=comm(value)) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (5, 5.0),
        (1, True),
        (0.0, -0.0),
        (b"a", b"b"),
        (b"a", "a"),
        ([], {}),
        (None, math.nan),
        ("x" * 999, "x" * 998 + "y"),
    ],
)
def test_another_value_or_type_is(one, other):
    assert len(differences(kernel=comm(one), document=comm(other))) == 1


def test_a_comm_or_key_that_is_not_everywhere_is():
    assert "document has (absent)" in differences(kernel=comm(1), document=None)[0]
    other = {**comm(1), "state": {"value": canonical(1), "more": None}}
    assert "'more'" in differences(kernel=comm(1), document=other)[0]
    assert "no state" in differences(kernel=comm(1), document={**comm(1), "state": None})[0]


def test_a_browser_has_what_plain_jupyter_would_have_given_it():
    assert differences(kernel=comm(5), node=browser(["number", "5.0"])) == []
    assert differences(kernel=comm(math.nan), node=browser("nan")) == []
    assert (
        differences(
            kernel=comm([2**70, b"x"]), node=browser(["list", ["number", repr(2.0**70)], canonical(b"x")])
        )
        == []
    )
    assert len(differences(kernel=comm(5), node=browser(["number", "6.0"]))) == 1


def test_what_plain_jupyter_refuses_is_not_compared():
    assert differences(kernel=comm("\ud800"), document=comm("before")) == []


def test_a_descriptor_is_not_asked_for_its_model():
    document = {
        **comm(1),
        "state": {"value": canonical(1), "_model_name": "AnyModel", "_view_name": "AnyView"},
    }
    assert differences(**{KERNEL: comm(1, kind="descriptor"), "document": document}) == []
    assert len(differences(**{KERNEL: comm(1), "document": document})) == 2


def test_other_epochs_are_left_out():
    sides = {"kernel": {}, "document": {"old": comm(1, epoch="e1"), "new": comm(1, epoch="e2")}}
    assert [found.comm_id for found in compare(sides, "e2")] == ["new"]
