"""Custom messages between a kernel and five windows, while one joins late and others lose their connection (B4).

`down`: the kernel sets a counter and sends as many random bytes behind it; what each window hears is written down with
the counter that its document had then. `up`: each window does the same to the kernel. A window whose connection is cut
(a TCP reset, in the middle) comes back by itself. `make test` runs a short form, `make soak` the whole.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import hashlib
import itertools
import random
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from jupyter_core.utils import ensure_event_loop
from playwright.async_api import Page, async_playwright

from commdoc.cli.browser import launch_options
from commdoc.window import AsyncWindow, events
from tests.acceptance.proxy import Proxy
from tests.browser.conftest import QUIET
from tests.browser.notebook import Notebook
from tests.interop.node import NodeWindow, from_browser, node_window

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.node,
    pytest.mark.browser,
    pytest.mark.scenario("S09", "S24", "S25"),
    pytest.mark.acceptance("B4"),
]

T = TypeVar("T")

SIZE = 64_000

STEP = 10
"""A window sets its counter before each tenth message; the kernel before each."""

KERNEL = """
import hashlib, os, threading, time, zlib
import anywidget, traitlets

class Story(anywidget.AnyWidget):
    _esm = '''
    const checksum = (view) => {
      let a = 1, b = 0;
      for (const byte of new Uint8Array(view.buffer, view.byteOffset, view.byteLength)) {
        a = (a + byte) % 65521;
        b = (b + a) % 65521;
      }
      return b * 65536 + a;
    };
    export default {
      initialize({ model }) {
        globalThis.heard ??= [];
        model.on("msg:custom", ({ i, sum }, [raw]) => {
          globalThis.heard.push([i, model.get("n"), checksum(raw) === sum]);
        });
        globalThis.flood = (count, size) => {
          for (let i = 0; i < count; i++) {
            const raw = Uint8Array.from({ length: size }, () => Math.random() * 256);
            if (i % 10 === 0) {
              model.set("page", i);
              model.save_changes();
            }
            model.send({ who: "page", i, sum: checksum(raw) }, undefined, [raw]);
          }
        };
      },
      render({ el }) { el.textContent = "ready"; },
    };
    '''
    n = traitlets.Int(-1).tag(sync=True)
    steady = traitlets.Int(-1).tag(sync=True)
    dropping = traitlets.Int(-1).tag(sync=True)
    node = traitlets.Int(-1).tag(sync=True)
    page = traitlets.Int(-1).tag(sync=True)

down, up = Story(), Story()
heard, sent, enough = {}, [], threading.Event()

@up.on_msg
def hear(widget, content, buffers):
    raw, who = bytes(buffers[0]), content["who"]
    summed = "sum" in content
    right = zlib.adler32(raw) == content["sum"] if summed else hashlib.sha256(raw).hexdigest() == content["sha"]
    heard.setdefault(who, []).append((content["i"], getattr(up, who), right))

def tell(least, size):
    while len(sent) < least or not enough.is_set():
        i, raw = len(sent), os.urandom(size)
        down.n = i
        down.send({"i": i, "sha": hashlib.sha256(raw).hexdigest(), "sum": zlib.adler32(raw)}, buffers=[raw])
        sent.append(i)
        time.sleep(0.02)

def begin(*args):
    global teller
    teller = threading.Thread(target=tell, args=args)
    teller.start()

def end():
    enough.set()
    teller.join()
    return len(sent)

display(up, down)
"""

Heard = list[tuple[int, int, bool]]


class Ear:
    """What a Python window hears of `down`, as it happens: (i, the counter, whether the bytes are right)."""

    def __init__(self, window: AsyncWindow, comm_id: str) -> None:
        self.window, self.comm_id = window, comm_id
        self.heard: Heard = []
        self.missed: list[tuple[int, int]] = []
        window.on_event(self._take)

    def _take(self, event: events.Event) -> None:
        if isinstance(event, events.MessagesMissed):
            self.missed.append((len(self.heard), event.count))
        if isinstance(event, events.MessageArrived) and event.comm_id == self.comm_id:
            content, (raw,) = event.data["content"], event.buffers
            counter = self.window.core.comms[self.comm_id].encoded_state["n"]
            self.heard.append((content["i"], counter, hashlib.sha256(raw).hexdigest() == content["sha"]))

    async def flood(self, comm_id: str, who: str, count: int, size: int) -> None:
        """Set `who` and send bytes, `count` times; return when the kernel has handled the last."""
        chance = random.Random(who)
        comm = self.window.comms[comm_id]
        last = None
        for i in range(count):
            raw = chance.randbytes(size)
            if i % STEP == 0:
                last = comm.request({who: i})
            comm.send({"who": who, "i": i, "sha": hashlib.sha256(raw).hexdigest()}, [raw])
            if i % 10 == 9:
                await asyncio.sleep(0.005)
        assert last is not None
        await asyncio.wait_for(last, 120)


class Kernel:
    """A notebook whose blocking calls run on one thread of its own, beside the loop."""

    notebook: Notebook

    def __init__(self) -> None:
        self._thread = concurrent.futures.ThreadPoolExecutor(1)

    async def __aenter__(self) -> Kernel:
        self.notebook = await self._do(Notebook)
        await self._do(self.notebook.load)
        await self._do(self.notebook.run, KERNEL)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._do(self.notebook.close)
        await self._do(lambda: ensure_event_loop().close())  # the client's, of that thread
        self._thread.shutdown()

    async def value(self, expression: str) -> Any:
        return await self._do(self.notebook.value, expression)

    async def _do(self, call: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)


async def until(condition: Callable[[], Any], what: str, timeout: float = 60) -> Any:
    """Wait for a condition that may be a coroutine function."""
    end = asyncio.get_running_loop().time() + timeout
    while True:
        found = condition()
        found = await found if asyncio.iscoroutine(found) else found
        if found:
            return found
        assert asyncio.get_running_loop().time() < end, f"not within {timeout} s: {what}"
        await asyncio.sleep(0.02)


def check(heard: Heard, *, first: int, total: int, gaps: int) -> list[tuple[int, int]]:
    """Each once, in order, with the bytes that were sent and at least the state of that moment.

    Returns where something is left out (behind so many, so much): at most at so many places.
    """
    numbers = [i for i, _, _ in heard]
    assert numbers[0] == first
    assert numbers[-1] == total - 1
    left_out = [
        (at, there - before - 1)
        for at, (before, there) in enumerate(itertools.pairwise(numbers), 1)
        if there != before + 1
    ]
    assert all(count > 0 for _, count in left_out), "something came twice, or not in order"
    assert len(left_out) <= gaps
    assert all(right for _, _, right in heard)
    assert all(counter >= i for i, counter, _ in heard), (
        "an event came before the state that was set before it"
    )
    return left_out


def through(proxy: Proxy, link: str) -> str:
    return link.replace(f":{urlsplit(link).port}/", f":{proxy.port}/")


async def node_heard(node: NodeWindow, comm_id: str) -> tuple[Heard, list[tuple[int, int]]]:
    heard: Heard = []
    missed = []
    for event in await node.events():
        if event["event"] == "missed":
            missed.append((len(heard), event["count"]))
        elif event["event"] == "message" and event["comm_id"] == comm_id:
            content = from_browser(event["data"])["content"]
            heard.append((content["i"], event["seen"]["n"], event["buffers"] == [content["sha"]]))
    return heard, missed


async def story(kernel: Kernel, proxies: list[Proxy], page: Page, node: NodeWindow, count: int) -> None:
    for_python, for_node, for_page = proxies
    notebook, value = kernel.notebook, kernel.value
    up, down = await value("(up.model_id, down.model_id)")

    async def join(link: str) -> Ear:
        window = await AsyncWindow.join(url=link)
        windows.append(window)
        return Ear(window, down)

    windows: list[AsyncWindow] = []
    try:
        steady, dropping = await join(notebook.link), await join(through(for_python, notebook.link))
        await node.join(through(for_node, notebook.link), watch=["n"], digest=True, backOffMs=[20, 200])
        await page.goto(through(for_page, notebook.link))
        frame = page.frame_locator("iframe#frame")
        await frame.get_by_text("ready").last.wait_for()
        inside = page.frames[-1]

        await value(f"begin({count}, {SIZE})")
        floods = [
            asyncio.ensure_future(steady.flood(up, "steady", count, SIZE)),
            asyncio.ensure_future(dropping.flood(up, "dropping", count, SIZE)),
            asyncio.ensure_future(
                node.do("flood", comm_id=up, key="node", count=count, bytes=SIZE, step=STEP)
            ),
            asyncio.ensure_future(inside.evaluate(f"flood({count}, {SIZE})")),
        ]

        await until(lambda: len(steady.heard) > count // 5, "a fifth was heard")
        for proxy in proxies:
            proxy.cut(up=False)
        await until(lambda: not dropping.window.connected, "the window notices")
        cut_at = len(steady.heard)
        await until(lambda: len(steady.heard) > cut_at + 20, "the others are told on")
        for proxy in proxies:
            proxy.cut()
        await until(lambda: len(steady.heard) > count // 2, "half was heard")
        late = await join(notebook.link)
        shown = late.window.comms[down]["n"]
        await until(lambda: dropping.window.connected, "the window is back")
        await node.do("wait", status="synced", timeout=30)
        back_at = len(steady.heard)
        await until(lambda: len(steady.heard) > back_at + 20, "all are told on")
        *_, refused, _ = [await flood for flood in floods]
        assert refused == []
        await until(
            lambda: value(
                f"all(len(heard.get(who, ())) == {count} for who in ('steady', 'dropping', 'node', 'page'))"
            ),
            "the kernel has heard all",
        )
        total = await value("end()")

        async def page_heard() -> Any:
            return await inside.evaluate("heard")

        ears = (steady, dropping, late)
        await until(lambda: all(ear.heard[-1][0] == total - 1 for ear in ears), "all windows heard the last")
        await until(lambda: _last_of(node, down, total), "the Node window heard the last")
        await until(lambda: _last(page_heard, total), "the page heard the last")

        # --- from the kernel
        assert check(steady.heard, first=0, total=total, gaps=0) == steady.missed == []
        assert all(counter == i for i, counter, _ in steady.heard), "exactly the state before the message"
        assert 0 < len(check(dropping.heard, first=0, total=total, gaps=9)) == len(dropping.missed)
        assert check(dropping.heard, first=0, total=total, gaps=9) == dropping.missed
        heard, missed = await node_heard(node, down)
        assert check(heard, first=0, total=total, gaps=9) == missed != []
        assert late.heard[0][0] <= shown + 1
        assert late.heard[0][0] >= count // 2, "nothing of the past"
        assert check(late.heard, first=late.heard[0][0], total=total, gaps=0) == late.missed == []
        assert check(await page_heard(), first=0, total=total, gaps=9) != []
        # --- to the kernel
        for who in ("steady", "dropping", "node", "page"):
            assert await value(f"heard[{who!r}] == [(i, i - i % {STEP}, True) for i in range({count})]"), who
        print(f"\n{total} messages of {SIZE} bytes to windows, {4 * count} to the kernel")
        print(f"missed: dropping {dropping.missed}, Node {missed}")
    finally:
        for window in windows:
            await window.close()


async def _last(heard: Callable[[], Any], total: int) -> bool:
    so_far = await heard()
    return bool(so_far) and so_far[-1][0] == total - 1


async def _last_of(node: NodeWindow, comm_id: str, total: int) -> bool:
    heard, _ = await node_heard(node, comm_id)
    return bool(heard) and heard[-1][0] == total - 1


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(120, id="short"),
        pytest.param(1_000, id="whole", marks=[pytest.mark.soak, pytest.mark.timeout(600)]),
    ],
)
async def test_every_message_of_64_kilobytes_arrives_once_in_order_behind_its_state_where_a_window_was_connected(
    count: int,
) -> None:
    proxies: list[Proxy] = []
    async with Kernel() as kernel:
        try:
            port = urlsplit(kernel.notebook.link).port
            assert port is not None
            proxies += [Proxy(port) for _ in range(3)]
            async with node_window() as node, async_playwright() as playwright:
                options = launch_options()
                browser = await playwright.chromium.launch(**{**options, "args": [*options["args"], *QUIET]})
                try:
                    await story(kernel, proxies, await browser.new_page(), node, count)
                finally:
                    await browser.close()
        finally:
            for proxy in proxies:
                proxy.close()
