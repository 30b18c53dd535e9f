"""What plain front ends are sent is the same with commdoc loaded as without: every core widget, every trait."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.kernel.mirror import same
from tests.kernel.process import KernelProcess, kernel_process, load, unload
from tests.kernel.room import RecordingRoom

pytestmark = [pytest.mark.kernel, pytest.mark.acceptance("A6")]

STORY = """
import base64, datetime as dt, ipywidgets as w, time, traitlets as t, warnings
warnings.simplefilter('ignore')
candidates = [0, 1, -3, 2.5, 7.0, True, False, None, '', 'text é😀', '#ff0000', b'', b'raw', memoryview(b'mem'),
              (1, 2), (0.5, 1.5), [], ['a', 'b'], [1, 2], {}, {'a': 1}, dt.date(2026, 1, 2), dt.time(3, 4),
              dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.timezone.utc), float('inf'), 2**60]
skip = {'_model_module', '_model_module_version', '_model_name', '_view_module', '_view_module_version', '_view_name',
        'comm', 'log', 'keys', 'layout', 'style', 'msg_id'}
def classes():
    seen = {}
    for name in sorted(dir(w)):
        each = getattr(w, name)
        if isinstance(each, type) and issubclass(each, w.Widget) and each not in (w.Widget, w.DOMWidget, w.CoreWidget):
            seen[each] = name
    return seen
def make(each):
    for arguments in ({}, {'options': ['a', 'b', 'c']}, {'source': None, 'target': None}, {'children': []}):
        try:
            return each(**arguments)
        except Exception:
            continue
made, set_count = [], 0
for each, name in classes().items():
    widget = make(each)
    if widget is None:
        continue
    made.append(name)
    for trait in sorted(widget.keys):
        if trait in skip:
            continue
        for value in candidates:
            try:
                setattr(widget, trait, value)
                set_count += 1
            except Exception:
                pass
    with widget.hold_sync():
        for trait in sorted(widget.keys):
            if trait not in skip:
                try: setattr(widget, trait, getattr(type(widget)(), trait))
                except Exception: pass
    widget.send({'custom': name}, buffers=[b'1', memoryview(b'22')])
    time.sleep(0.03)  # past the high-water mark of its socket a kernel drops what its front ends have not taken
box = w.VBox([w.HBox([w.IntSlider(), w.Text()]), w.Accordion([w.Button()])])
box.children = box.children[:1]
display(box)
slider = w.IntSlider(); slider.observe(lambda change: slider.set_trait('value', min(slider.value, 50)), 'value')
"""

FRONT_END: list[dict[str, Any]] = [
    {"value": 30},
    {"value": 700},
    {"value": 80},
    {"value": 3, "description": "x"},
]


def wire(kernel: KernelProcess) -> list[Any]:
    """Run the story; returns what was published, ids and times replaced by their order of appearance."""
    kernel.run(STORY, timeout=120)
    model = kernel.value("slider.model_id")
    for state in FRONT_END:
        kernel.update(model, state)
    kernel.run("box.close(); slider.close()")
    names: dict[str, str] = {}

    def name_of(found: re.Match[str]) -> str:
        return names.setdefault(found[0], f"id-{len(names)}")

    published = []
    for each in list(kernel.iopub):
        if each["msg_type"].startswith("comm") or each["msg_type"] in ("display_data", "stream", "error"):
            buffers = [bytes(buffer).hex() for buffer in each.get("buffers", [])]
            text = json.dumps([each["msg_type"], each["content"], each["metadata"], buffers], sort_keys=True)
            published.append(re.sub(r"[0-9a-f]{32}|0x[0-9a-f]{6,}", name_of, text))
    return published


@pytest.mark.timeout(300)
def test_every_trait_of_every_core_widget(room: RecordingRoom) -> None:
    with kernel_process() as kernel:
        plain = wire(kernel)
        assert kernel.value("len(made)") >= 60
        assert kernel.value("set_count") > 1500
    with kernel_process() as kernel:
        load(kernel, room.url)
        room.wait_for(lambda: room.of("adopted"))
        loaded = wire(kernel)
        same(kernel, room)
        unload(kernel)
    assert len(plain) > 3000
    differing = [(one, other) for one, other in zip(plain, loaded, strict=False) if one != other]
    assert differing[:3] == []
    assert len(plain) == len(loaded)
