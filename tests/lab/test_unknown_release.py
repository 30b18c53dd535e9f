"""A release of JupyterLab's widgets that has other names than the plugin knows: notebooks stay as they are."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route

from tests.browser.lab import LabServer
from tests.lab.conftest import OpenWindow
from tests.lab.test_late_window import WIDGETS
from tests.lab.windows import LabWindow

pytestmark = [pytest.mark.browser, pytest.mark.kernel]


def test_a_name_that_is_missing_leaves_the_panel_plain_with_one_warning(
    server: LabServer, open_window: OpenWindow
) -> None:
    warnings: list[str] = []

    def renamed(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("get_state_sync", "get_state_other"))

    def prepare(window: LabWindow) -> None:
        window.page.on("console", lambda message: warnings.append(message.text))
        window.page.route("**/@jupyter-widgets/jupyterlab-manager/static/*.js*", renamed)

    window = open_window(server.add("unknown.ipynb", [WIDGETS]), prepare=prepare)
    window.kernel_run("%load_ext commdoc")
    window.run(0)
    window.expect_value("speed", 3)
    window.press("speed", "ArrowRight")
    window.expect_value("speed", 4)
    assert window.value("speed.value") == 4
    assert any('"value": 4' in line for line in window.told_kernel()), "it speaks with the kernel"
    assert window.page.locator("[data-comm-id]").count() == 0
    assert len([text for text in warnings if "is not known, notebooks stay as they are" in text]) == 1
