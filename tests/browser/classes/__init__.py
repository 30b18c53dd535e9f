"""Every class of ipywidgets, one case each."""

from __future__ import annotations

from typing import Final

from tests.browser.classes.boxes import BOXES
from tests.browser.classes.case import Case
from tests.browser.classes.choices import CHOICES
from tests.browser.classes.numbers import NUMBERS
from tests.browser.classes.parts import PARTS
from tests.browser.classes.texts import TEXTS

CASES: Final = {case.name: case for case in [*NUMBERS, *CHOICES, *TEXTS, *BOXES, *PARTS]}

BASE = "a base of others, never made"

NOT_DRAWN: Final = {
    "Widget": BASE,
    "DOMWidget": BASE,
    "ValueWidget": BASE,
    "CoreWidget": BASE,
    "Style": BASE,
    "_Media": BASE,
}

__all__ = ["CASES", "NOT_DRAWN", "Case"]
