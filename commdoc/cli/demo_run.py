"""What `commdoc demo` does: a real kernel runs a notebook, windows join it, what they rebuilt is measured.

The windows join while the cell tagged ``late`` keeps the kernel busy (after the last cell, where no cell has the tag):
a Python window and a Chromium one. Another Chromium window is there from the start, before the kernel has any widget.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from commdoc.cli.demo_browser import Browser, BrowserMissingError, Page
from commdoc.errors import CommdocError
from commdoc.window.address import find_soon
from commdoc.window.verify import verify
from commdoc.window.window import AsyncWindow

LATE_TAG: Final = "late"
ROOM_SECONDS: Final = 30.0
"""How long a cold machine may take to start a sidecar."""

DISPLAY_SECONDS: Final = 2.0
"""How long the late cell may take to display its first widget; it need not have one."""

WIDGET_VIEW: Final = "application/vnd.jupyter.widget-view+json"


@dataclass
class Joined:
    """A window that joined, and what it had when it was complete.

    Attributes
    ----------
    kernel : str
        Its status at that moment, as the window shows it.
    models : int
        Comms of its document; in a browser, the models that have at least one view.
    views : int
        Widgets that cells display.
    """

    window: str
    kernel: str
    models: int
    views: int
    seconds: float


@dataclass
class Report:
    """What happened; `problems` is empty when all is well."""

    notebook: str
    room_id: str = ""
    url: str = ""
    windows: list[Joined] = field(default_factory=list)
    seen_after_ms: float | None = None
    compared: int | None = None
    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything that was tried went well."""
        return not self.problems and not self.differences

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {**asdict(self), "ok": self.ok}


@dataclass
class Watcher:
    """Is told how far the run is."""

    cell: Callable[[int, int, str], None] = lambda *_: None
    joined: Callable[[Joined], None] = lambda *_: None
    say: Callable[[str], None] = lambda *_: None


class Demo:
    """One run: `async with Demo(path).start() as report: …`, which leaves kernel and windows open until the end.

    Parameters
    ----------
    notebook : Path
        What the kernel runs.
    browser : bool
        Whether Chromium windows join, where there is a Chromium.
    watcher : Watcher, optional
        Is told how far it is.
    pictures : sequence of str, optional
        Two paths, for a picture of each Chromium window while the kernel is busy.
    """

    def __init__(
        self,
        notebook: Path,
        *,
        browser: bool = True,
        watcher: Watcher | None = None,
        pictures: Sequence[str] = (),
    ) -> None:
        self.report = Report(str(notebook))
        self._path = notebook
        self._with_browser = browser
        self._watcher = watcher or Watcher()
        self._pictures = pictures
        self._kernel_id = str(uuid.uuid4())
        self._stack = contextlib.AsyncExitStack()
        self._browser: Browser | None = None
        self._early: Page | None = None
        self._window: AsyncWindow | None = None

    @contextlib.asynccontextmanager
    async def start(self) -> AsyncIterator[Report]:
        """Run the notebook with the windows, and keep all of it until the block ends."""
        async with self._stack:
            try:
                await self._run()
            except (CommdocError, TimeoutError) as error:
                self.report.problems.append(str(error))
            yield self.report

    async def _run(self) -> None:
        client = self._client()
        await self._stack.enter_async_context(self._kernel(client))
        if self._with_browser:
            try:
                self._browser = await self._stack.enter_async_context(Browser())
            except BrowserMissingError as reason:
                self.report.notes.append(f"no browser windows: {reason}")
        cells = [(index, cell) for index, cell in enumerate(client.nb.cells) if cell.cell_type == "code"]
        late_joined = False
        for number, (index, cell) in enumerate(cells):
            self._watcher.cell(number, len(cells), _heading(client.nb.cells, index))
            run = asyncio.ensure_future(self._execute(client, cell, index))
            if LATE_TAG in cell.metadata.get("tags", []) and await self._is_shown(client, cell, run):
                await self._join_late()
                late_joined = True
            if not await run:
                return
            if "%load_ext commdoc" in cell.source:
                await self._room_is_there()
        self._watcher.cell(len(cells), len(cells), "")
        if not late_joined:
            await self._join_late()
        await self._compare()

    async def _execute(self, client: Any, cell: Any, index: int) -> bool:
        from nbclient.exceptions import CellExecutionError

        try:
            await client.async_execute_cell(cell, index)
        except CellExecutionError as error:
            self.report.problems.append(f"cell {index + 1} failed: {error.ename}: {error.evalue}")
            return False
        return True

    # --- the kernel -------------------------------------------------------------------------------------------------

    def _client(self) -> Any:
        import nbformat
        from jupyter_client.manager import AsyncKernelManager
        from jupyter_core.paths import jupyter_runtime_dir
        from nbclient import NotebookClient

        notebook = nbformat.read(self._path, as_version=4)
        if not any("%load_ext commdoc" in cell.source for cell in notebook.cells):
            notebook.cells.insert(0, nbformat.v4.new_code_cell("%load_ext commdoc"))
        folder = Path(jupyter_runtime_dir())
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        manager = AsyncKernelManager(
            kernel_name="python3", connection_file=str(folder / f"kernel-{self._kernel_id}.json")
        )
        where = {"metadata": {"path": str(self._path.parent)}}
        return NotebookClient(notebook, km=manager, timeout=None, resources=where)

    @contextlib.asynccontextmanager
    async def _kernel(self, client: Any) -> AsyncIterator[None]:
        environment = {**os.environ, "JPY_SESSION_NAME": str(self._path)}
        environment.setdefault("COMMDOC_SIDECAR_GRACE", "2")
        async with client.async_setup_kernel(
            cleanup_kc=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ):
            yield

    async def _room_is_there(self) -> None:
        room = await find_soon(kernel_id=self._kernel_id, timeout=ROOM_SECONDS)
        self.report.room_id = room.room_id
        self.report.url = f"{room.url}#token={room.tokens['window']}"
        self._window = await AsyncWindow.join(url=self.report.url, name="commdoc demo")
        self._stack.push_async_callback(self._window.close)
        self._watcher.say(f"room: {self.report.url}")
        if self._browser is not None:
            self._early = await self._browser.open(self.report.url)
            self._watcher.say("Chromium A is open, before there is any widget")

    async def _is_shown(self, client: Any, cell: Any, run: asyncio.Future[bool]) -> bool:
        """Wait until the late cell has displayed something, or ran a while, and the room knows; False if it ended."""
        window = self._watching()
        end = time.monotonic() + DISPLAY_SECONDS
        while not _displayed([cell]) and not run.done() and time.monotonic() < end:
            await asyncio.sleep(0.02)
        displayed = _displayed(client.nb.cells)
        await window.wait_until(
            lambda: (
                run.done()
                or (
                    displayed <= {view["comm_id"] for view in window.core.comms.views}
                    and window.kernel.status == "busy"
                )
            ),
            what="the room did not show the running cell",
        )
        return not run.done()

    def _watching(self) -> AsyncWindow:
        if self._window is None:
            msg = "the notebook has not loaded commdoc"
            raise CommdocError(msg)
        return self._window

    # --- the windows ------------------------------------------------------------------------------------------------

    async def _join_late(self) -> None:
        known = self._watching()
        started = time.monotonic()
        async with await AsyncWindow.join(url=self.report.url, name="a late Python window") as late:
            seconds = time.monotonic() - started
            views = list(late.core.comms.views)
            self._joined(Joined("Python", late.kernel.status, len(late.comms), len(views), seconds))
            if set(late.comms) != set(known.comms):
                self.report.problems.append("the late Python window has other comms than the early one")
        if self._browser is None:
            return
        page = await self._browser.open(self.report.url)
        shown = list(dict.fromkeys(view["comm_id"] for view in views))
        seconds = await self._wait_for_views("Chromium B", page, shown)
        self._joined(Joined("Chromium B", await page.kernel_status(), len(known.comms), len(shown), seconds))
        if self._early is not None:
            await self._wait_for_views("Chromium A", self._early, shown)
            await self._move(self._early, page)
            for path, window in zip(self._pictures, (self._early, page), strict=False):
                await window.screenshot(path)

    async def _wait_for_views(self, name: str, page: Page, shown: list[str]) -> float:
        from playwright.async_api import TimeoutError as PlaywrightTimeoutError

        try:
            return await page.wait_for_views(shown)
        except PlaywrightTimeoutError:
            msg = f"{name} did not show all {len(shown)} views in time"
            raise CommdocError(msg) from None

    async def _move(self, first: Page, second: Page) -> None:
        """Move a slider in one window and wait for it in the other."""
        from playwright.async_api import TimeoutError as PlaywrightTimeoutError

        if not any(comm.entry.model_name == "IntSliderModel" for comm in self._watching().comms.values()):
            return
        try:
            value = await first.move_first_slider()
            started = time.monotonic()
            await second.wait_for_first_slider(value)
        except PlaywrightTimeoutError:
            self.report.problems.append("a slider that was moved in Chromium A did not move in B")
            return
        self.report.seen_after_ms = round((time.monotonic() - started) * 1000, 1)
        self._watcher.say(
            f"a slider moved in A showed {value} in B after {self.report.seen_after_ms:.0f} ms, "
            f"kernel {await second.kernel_status()}"
        )

    def _joined(self, row: Joined) -> None:
        row.seconds = round(row.seconds, 3)
        self.report.windows.append(row)
        self._watcher.joined(row)

    async def _compare(self) -> None:
        compared = await asyncio.to_thread(verify, kernel_id=self._kernel_id)
        self.report.compared = compared.comms
        self.report.differences = [str(difference) for difference in compared.differences]
        self.report.problems += compared.notes


def _displayed(cells: list[Any]) -> set[str]:
    """Return the ids of the widgets that these cells display."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    views = [output["data"][WIDGET_VIEW] for output in outputs if WIDGET_VIEW in output.get("data", {})]
    return {str(view["model_id"]) for view in views}


def _heading(cells: list[Any], index: int) -> str:
    """Return the newest heading above a cell."""
    for cell in reversed(cells[:index]):
        for line in cell.source.splitlines() if cell.cell_type == "markdown" else ():
            if line.startswith("#"):
                return str(line).lstrip("# ")
    return ""
