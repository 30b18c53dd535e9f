"""A widget whose author means harm: it gets what a window may, neither the token nor anything outside of its frame."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psutil
import pytest

from commdoc.server import announce
from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

WIDGET = """
import anywidget, traitlets, ipywidgets as w
class Evil(anywidget.AnyWidget):
    _esm = '''
    const elsewhere = "ELSEWHERE", room = "/commdoc/rooms/ROOM/";
    // No answer counts as done; a machine that has much to do is slow to say no.
    const within = (promise) => Promise.race([promise, new Promise((done) => setTimeout(done, 15_000, "no answer"))]);
    const tries = {
      "the page": () => parent.document.title,
      "its address": () => parent.location.href,
      "its storage": () => parent.sessionStorage.length,
      "storage": () => sessionStorage.length + localStorage.length,
      "cookies": () => document.cookie,
      "databases": () => indexedDB.open("x"),
      "a worker that stays": () => navigator.serviceWorker.register("/commdoc/static/frame.js"),
      "another top": () => { top.location.href = elsewhere + "/top"; },
      "another host": () => fetch(elsewhere + "/fetch"),
      "a picture": () => new Promise((done, fail) =>
        Object.assign(new Image(), { onload: done, onerror: () => fail(Error("no")), src: elsewhere + "/image" })),
      "the rooms": () => fetch(new URL("/commdoc/api/rooms", location.href)),
      "a socket": () => new Promise((done, fail) => {
        const socket = new WebSocket(new URL(room + "ws", location.href.replace("http", "ws")), ["commdoc"]);
        socket.onopen = done;
        socket.onerror = () => fail(Error("no"));
      }),
    };
    export default { async render({ model }) {
      const got = {};
      for (const [name, attempt] of Object.entries(tries)) {
        try { await within(attempt()); got[name] = "done"; } catch (error) { got[name] = "failed"; }
      }
      for (const [action, target] of [["/form", "_top"], ["/post", "_blank"]]) {
        const form = Object.assign(document.createElement("form"), { action: elsewhere + action, target });
        document.body.append(form);
        form.submit();
      }
      const link = Object.assign(document.createElement("a"), { href: elsewhere + "/link", target: "_top" });
      document.body.append(link);
      link.click();
      for (const src of [elsewhere + "/inner", room])
        document.body.append(Object.assign(document.createElement("iframe"), { src }));
      const port = await new Promise((done) => {
        addEventListener("message", ({ data, ports }) => data?.commdoc === "port" && done(ports[0]));
        parent.postMessage({ commdoc: "ready", id: 7 }, "*");
      });
      for (let id = 0; id < 30; id++) {
        port.postMessage({ commdoc: "open", id });
        port.postMessage({ commdoc: "close", id, code: 77, reason: "x" });
      }
      for (const odd of [1, "x", {}, { commdoc: "open", id: {} }, { commdoc: "frame", id: 40, data: "x" }])
        port.postMessage(odd);
      window.got = got;
    } };
    '''
    _css = "@import url(ELSEWHERE/css); body { background: url(ELSEWHERE/background) }"
display(w.HTML('''<base href="ELSEWHERE/">
  <img src="x" onerror="top.location = 'ELSEWHERE/onerror'"><iframe src="ELSEWHERE/frame"></iframe>
  <form action="ELSEWHERE/html" target="_top"><input autofocus onfocus="this.form.submit()"></form>'''))
display(Evil())
"""


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """A server of somebody else: its address, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()

        do_POST = do_GET  # noqa: N815 - the name that the library calls

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.scenario("S47")
def test_a_widget_gets_neither_the_token_nor_out_of_its_frame(
    notebook: Notebook, open_page: OpenPage, elsewhere: tuple[str, list[str]]
) -> None:
    address, asked = elsewhere
    page = open_page()
    before = page.page.url
    found = announce.read(announce.path_of(notebook.kernel_id))
    assert found is not None
    sidecar = psutil.Process(found["pid"])
    descriptors = sidecar.num_fds()
    notebook.run(WIDGET.replace("ELSEWHERE", address).replace("ROOM", found["room_id"]))
    frame = page.page.frames[1]
    outcome = until(lambda: frame.evaluate("window.got"), timeout=30, what="all was tried")
    assert {name for name, what in outcome.items() if what != "failed"} == set()
    page.page.wait_for_timeout(500)
    assert page.page.url == before
    assert asked == []
    assert found["tokens"]["window"] not in frame.content()
    until(lambda: sidecar.num_fds() <= descriptors + 4, what="no socket is left open")
    assert notebook.value("1 + 1") == 2


@pytest.mark.scenario("S47")
def test_a_frame_that_asks_for_another_port_makes_no_dead_kernel_look_alive(
    notebook: Notebook, open_page: OpenPage
) -> None:
    page = open_page().page
    bar = page.locator("#bar")
    until(lambda: bar.get_attribute("data-kernel-live") == "true", what="the kernel is shown")
    page.frames[1].evaluate(
        """new Promise((done) => {
            addEventListener("message", ({ data }) => data?.commdoc === "port" && done());
            parent.postMessage({ commdoc: "ready", id: "again" }, "*");
        })"""
    )
    notebook.manager.shutdown_kernel(now=True)
    assert bar.get_attribute("data-state") == "connecting"
    assert bar.get_attribute("data-kernel-live") == "false"
