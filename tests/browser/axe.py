"""axe-core's rules, all of them with the best practices, on a room's page and on the frame in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Frame

from tests.browser.room_page import RoomPage
from tests.conftest import ROOT

SOURCE: Final = Path(ROOT, "js-shim/node_modules/axe-core/axe.min.js")

RUN: Final = """
async () => {
  const { violations } = await axe.run(document, { iframes: false, preload: false });
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ html, target, any, all, none }) => ({
      id, impact, target: target.join(" "), html: html.slice(0, 300),
      why: [...any, ...all, ...none].map(({ message }) => message).join("; "),
    })));
}
"""


def violations(page: RoomPage) -> list[str]:
    """Return what axe finds wrong in the page and in its frame, in words."""
    found: list[str] = []
    for name, document in (("page", page.page.main_frame), ("frame", page.page.frames[1])):
        found += [
            f"{name}: {one['id']} ({one['impact']}) at {one['target']}: {one['why']}\n    {one['html']}"
            for one in run(document)
        ]
    return found


def run(document: Frame) -> list[dict[str, Any]]:
    """Return the violations in one document."""
    if not document.evaluate("typeof window.axe === 'object'"):
        document.evaluate(SOURCE.read_text(encoding="utf-8") + "; null")
    result: list[dict[str, Any]] = document.evaluate(RUN)
    return result
