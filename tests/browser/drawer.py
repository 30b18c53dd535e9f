"""The inspector drawer of a room's page, as a person uses it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, expect

from tests.browser.room_page import RoomPage


class Drawer:
    """Opens the drawer of a page.

    Parameters
    ----------
    page : RoomPage
        With its drawer closed.
    """

    def __init__(self, page: RoomPage) -> None:
        self.page = page
        self.button.click()
        expect(self.box).to_have_attribute("data-state", "live")

    @property
    def button(self) -> Locator:
        return self.page.page.locator("#inspect")

    @property
    def box(self) -> Locator:
        return self.page.page.locator("#inspector")

    @property
    def list(self) -> Locator:
        return self.page.page.locator("#inspector-comms")

    @property
    def tree(self) -> Locator:
        return self.page.page.locator("#inspector-state")

    @property
    def blobs(self) -> Locator:
        return self.page.page.locator("#inspector-blobs")

    @property
    def filter(self) -> Locator:
        return self.box.get_by_label("Filter by name, comm id or key")

    def row(self, comm_id: str) -> Locator:
        """A comm's row in the list."""
        return self.list.locator(f'.row[data-comm="{comm_id}"]')

    def choose(self, comm_id: str) -> None:
        """Look for a comm and choose it."""
        self.filter.fill(comm_id)
        self.row(comm_id).locator(".name").click()
        expect(self.box.locator(".details")).to_have_attribute("data-comm", comm_id)

    def key(self, name: str) -> Locator:
        """The line of a key of the chosen comm."""
        return self.tree.locator(f'.row[data-key="{name}"]')

    def cell(self, name: str, column: str) -> Locator:
        return self.key(name).locator(f".cell.{column}")

    def go_to(self, name: str) -> None:
        """Make the line of a key the active one, with keys alone."""
        self.tree.focus()
        self.tree.press("Home")
        for _ in range(100):
            active = self.tree.locator(f"#{self.tree.get_attribute('aria-activedescendant')}")
            if active.get_attribute("data-key") == name:
                return
            self.tree.press("ArrowDown")
        raise AssertionError(f"no line {name}")

    def writes(self, milliseconds: int) -> int:
        """Count what is changed in the drawer's DOM in so many ms of the page's own clock."""
        count: Any = self.page.page.evaluate(COUNT, milliseconds)
        return int(count)


COUNT = """
(ms) => new Promise((resolve) => {
  let count = 0;
  const observer = new MutationObserver((records) => { count += records.length; });
  observer.observe(document.getElementById("inspector"),
    { subtree: true, childList: true, characterData: true, attributes: true });
  const start = performance.now();
  const step = () => {
    if (performance.now() - start < ms) return requestAnimationFrame(step);
    observer.disconnect();
    resolve(count);
  };
  requestAnimationFrame(step);
})
"""
