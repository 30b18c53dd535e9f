"""Ten published anywidgets in windows that come late: drawn, heard by the kernel, and changed by it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.notebook import Notebook
from tests.browser.published import ALL, Published
from tests.browser.room_page import RoomPage
from tests.conftest import until
from tests.server.jupyter.environments import python_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.kernel,
    pytest.mark.acceptance("D2"),
    pytest.mark.timeout(900),  # the first run makes the environment
]


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    """A kernel that has the packages, with commdoc loaded."""
    it = Notebook(python=python_of("anywidgets"))
    try:
        yield it.load()
    finally:
        it.close()


@pytest.mark.parametrize("published", ALL, ids=lambda published: published.distribution)
def test_a_published_anywidget_is_drawn_late_and_works_both_ways(
    published: Published, notebook: Notebook, chromium: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    early = RoomPage(chromium, notebook.link)
    notebook.run(f"{published.make}\ndisplay(w)")
    comm_id = notebook.value("w.model_id")
    published.drawn(early.view(comm_id))
    late = RoomPage(chromium, notebook.link)
    try:
        published.drawn(late.view(comm_id))
        published.act(late, late.view(comm_id))
        until(lambda: notebook.value(f"bool({published.heard})"), what=published.heard)
        notebook.run(published.change)
        for page in (late, early) if published.everywhere else (late,):
            published.seen(page.view(comm_id))
        for page in (late, early):
            assert [line for line in page.console if not re.search(published.says, line)] == []
            assert page.foreign == []
    finally:
        early.picture(f"published-{published.distribution}-early")
        late.picture(f"published-{published.distribution}")
        early.close()
        late.close()
    version = notebook.value(f"__import__('importlib.metadata').metadata.version({published.distribution!r})")
    with capsys.disabled():
        print(f"\n| {published.distribution} | {version} | drawn late | person → kernel | kernel → page |")
