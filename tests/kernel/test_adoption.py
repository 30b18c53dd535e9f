"""Comms that were there before commdoc are in the room with everything; those that end are gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.conftest import Loaded
from tests.kernel.mirror import same
from tests.kernel.process import KernelProcess, kernel_process, load, unload
from tests.kernel.room import RecordingRoom

pytestmark = pytest.mark.kernel

WIDGETS = """
import ipywidgets as w, traitlets, anywidget, dataclasses, comm, warnings
from typing import ClassVar
from anywidget.experimental import MimeBundleDescriptor
s = w.IntSlider(value=3); box = w.HBox([s, w.Text(value='é😀')]); s.value = 4
class Counter(anywidget.AnyWidget):
    _esm = 'export default {}' + 'x' * 5000
    data = traitlets.Bytes(b'abc').tag(sync=True)
    count = traitlets.Int(2**60).tag(sync=True)
c = Counter()
@dataclasses.dataclass
class Point:
    x: int = 1
    raw: bytes = b'raw'
    _repr_mimebundle_: ClassVar = MimeBundleDescriptor(_esm='export default {}', autodetect_observer=False)
p = Point(); bundle = p._repr_mimebundle_
direct = comm.create_comm(target_name='mine', data={'hello': 1})
closed = w.Button(); closed.close()
"""

DESCRIPTOR_ID = "bundle._comm.comm_id"


@pytest.fixture(scope="module")
def before() -> Iterator[KernelProcess]:
    """A kernel in which a notebook ran before commdoc was loaded."""
    with kernel_process() as process:
        process.run(WIDGETS)
        process.run("s")
        process.run("p")
        yield process


@pytest.mark.scenario("S42")
def test_comms_from_before_are_adopted_with_full_state_and_model_names(
    before: KernelProcess, room: RecordingRoom
) -> None:
    count = len(before.iopub)
    load(before, room.url)
    (adopted,) = room.wait_for(lambda: room.of("adopted"))
    same(before, room)
    assert sorted(adopted["comm_ids"]) == sorted(
        before.value("list(get_ipython().kernel.comm_manager.comms)")
    )
    descriptor = room.state(before.value(DESCRIPTOR_ID))
    assert {key: descriptor[key] for key in ("x", "raw", "_esm", "_model_module", "_model_name", "_view_name")} == {
        "x": 1, "raw": b"raw", "_esm": "export default {}",
        "_model_module": "anywidget", "_model_name": "AnyModel", "_view_name": "AnyView",
    }  # fmt: skip
    assert descriptor["_model_module_version"]
    (direct,) = room.of("open", before.value("direct.comm_id"))
    assert (direct["target_name"], direct["data"]) == ("mine", {})
    assert before.value("closed.comm is None") is True
    # Asking the descriptor for its state is nobody else's business.
    assert [each["msg_type"] for each in before.iopub[count:] if each["msg_type"].startswith("comm")] == []
    unload(before)


@pytest.mark.scenario("S42")
def test_what_was_displayed_before_is_known_as_far_as_results_tell(
    before: KernelProcess, room: RecordingRoom
) -> None:
    load(before, room.url)
    room.wait_for(lambda: room.of("adopted"))
    room.wait_for(lambda: len(room.of("view")) == 2)
    views = {op["comm_id"]: op["execution_count"] for op in room.of("view")}
    assert views == {before.value("s.model_id"): 2, before.value(DESCRIPTOR_ID): 3}
    unload(before)


@pytest.mark.scenario("S42")
def test_an_open_message_and_an_adoption_tell_the_same(before: KernelProcess, room: RecordingRoom) -> None:
    load(before, room.url)
    room.wait_for(lambda: room.of("adopted"))
    before.run(WIDGETS)
    ids = before.value("[s.model_id, box.model_id, c.model_id, bundle._comm.comm_id]")
    room.wait_for(lambda: all(room.of("open", each) for each in ids))
    same(before, room)
    opened = {each: room.state(each) for each in ids}
    room.send({"type": "resync"})
    room.wait_for(lambda: len(room.of("adopted")) == 2)
    for each in ids:
        (_, again) = room.of("open", each)
        assert again["state"] == opened[each]
    unload(before)


@pytest.mark.scenario("S42")
def test_a_descriptor_goes_on_being_mirrored(before: KernelProcess, room: RecordingRoom) -> None:
    load(before, room.url)
    room.wait_for(lambda: room.of("adopted"))
    model = before.value(DESCRIPTOR_ID)
    before.run("p.x = 7; bundle.send_state('x')")
    room.wait_for(lambda: room.state(model).get("x") == 7)
    before.update(model, {"x": 8}, username="commdoc", msg_id="r")
    (settled,) = room.wait_for(lambda: room.of("settled", model))
    assert settled["state"] == {"x": 8}
    unload(before)


def test_a_kernel_that_works_while_it_is_adopted_ends_the_same(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("many = [w.IntSlider() for _ in range(300)]")
    unload(kernel)
    load(kernel, room.url)
    kernel.run(
        "for i in range(20):\n"
        "    for each in many: each.value = i\n"
        "    many[i].close(); many.append(w.IntText(value=i)); many = [m for m in many if m.comm]\n"
        "    for each in many:\n        if isinstance(each, w.IntText): each.send(i)"
    )
    same(kernel, room)
    live = set(kernel.value("list(get_ipython().kernel.comm_manager.comms)"))
    room.wait_for(lambda: set(room.states()) == live)


@pytest.mark.scenario("S21")
def test_close_while_updates_are_pending_twice_and_reopened(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run(
        "s = w.IntSlider(); model = s.model_id; c = s.comm\n"
        "for i in range(20): s.value = i\n"
        "s.close(); s.close(); s.value = 5; c.close()\n"
        "c.send({'method': 'update', 'state': {'value': 99}, 'buffer_paths': []})\n"
        "other = w.Text(); last = other.model_id"
    )
    model = kernel.value("model")
    room.wait_for(lambda: room.of("open", kernel.value("last")))
    assert model not in room.states()
    assert len(room.of("close", model)) == 1
    kernel.run(
        "import comm; state = w.IntSlider(value=33).get_state()\n"
        "again = comm.create_comm(comm_id=model, target_name='jupyter.widget', data={'state': state})"
    )
    room.wait_for(lambda: room.state(model).get("value") == 33)
    kernel.run("again.close()")
    room.wait_for(lambda: model not in room.states())


@pytest.mark.scenario("S22")
def test_comms_that_opened_and_closed_leave_nothing_behind_in_the_kernel(loaded: Loaded) -> None:
    kernel, room = loaded
    code = (
        "for i in range(1000):\n"
        "    b = comm.create_comm(target_name='jupyter.widget', data={'state': {'value': i}})\n"
        "    b.send({'method': 'update', 'state': {'value': -i}, 'buffer_paths': []}); b.close()\n"
    )
    kernel.run("import comm\n" + code)
    room.wait_for(lambda: len(room.of("close")) == 1000)
    inside = "get_ipython().kernel._commdoc_bridge._coalescer"
    sizes = f"[len(getattr({inside}, name)) for name in ('_targets', '_asked', '_first_writers', '_ops', '_readings')]"
    live = kernel.value("len(get_ipython().kernel.comm_manager.comms)")
    targets, asked, writers, waiting, readings = kernel.value(sizes)
    assert (targets, asked, waiting, readings) == (live, 0, 0, 0)
    assert writers <= live
