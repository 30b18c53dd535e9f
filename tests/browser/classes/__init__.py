"""Every class of ipywidgets, one case each."""

from __future__ import annotations

from typing import Final

from tests.browser.classes.boxes import BOXES
from tests.browser.classes.case import Case
from tests.browser.classes.choices import CHOICES
from tests.browser.classes.numbers import NUMBERS
from tests.browser.classes.parts import PARTS
from tests.browser.classes.texts import TEXTS

GROUPS: Final = (NUMBERS, CHOICES, TEXTS, BOXES, PARTS)
"""What one cell shows: JupyterLab hides what comes after 50 outputs."""

CASES: Final = {case.name: case for cases in GROUPS for case in cases}

BASE = "a base of others, never made"

NOT_DRAWN: Final = {
    "Widget": BASE,
    "DOMWidget": BASE,
    "ValueWidget": BASE,
    "CoreWidget": BASE,
    "Style": BASE,
    "_Media": BASE,
}

__all__ = ["CASES", "GROUPS", "NOT_DRAWN", "Case"]
