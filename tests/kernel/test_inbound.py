"""What front ends say: the room gets what the kernel made of it, and so does every plain front end."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.kernel.conftest import Loaded
from tests.kernel.mirror import same
from tests.kernel.process import KernelProcess

pytestmark = pytest.mark.kernel


def heard(kernel: KernelProcess, comm_id: str, key: str, since: int = 0) -> list[Any]:
    """Return what plain front ends were told of a key, by updates and echoes, in order."""
    told = [each["data"] for each in kernel.comm_messages(comm_id)[since:]]
    return [
        each["state"][key]
        for each in told
        if each.get("method") in ("update", "echo_update") and key in each.get("state", {})
    ]


@pytest.fixture(params=[True, False], ids=["echo", "no echo"])
def echo(request: pytest.FixtureRequest, loaded: Loaded) -> bool:
    """JUPYTER_WIDGETS_ECHO on and off."""
    loaded.kernel.run(f"import ipywidgets.widgets.widget as _m; _m.JUPYTER_WIDGETS_ECHO = {request.param}")
    return bool(request.param)


@pytest.mark.scenario("S15")
def test_a_clamped_value_ends_clamped_everywhere(loaded: Loaded, echo: bool) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(value=100)")
    model = kernel.value("s.model_id")
    kernel.update(model, {"value": 700})
    assert kernel.value("s.value") == 100
    room.wait_for(lambda: room.of("truth", model), "the truth")
    same(kernel, room)
    assert heard(kernel, model, "value")[-1] == 100


@pytest.mark.scenario("S15")
def test_a_rejected_value_is_taken_back_for_plain_front_ends_too(loaded: Loaded, echo: bool) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(value=5)")
    model = kernel.value("s.model_id")
    kernel.update(model, {"value": "no number"})
    room.wait_for(lambda: room.of("truth", model), "the truth")
    same(kernel, room)
    assert heard(kernel, model, "value")[-1] == 5


@pytest.mark.scenario("S15")
def test_a_value_that_the_kernel_took_is_not_sent_again(loaded: Loaded, echo: bool) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(value=5)")
    model = kernel.value("s.model_id")
    kernel.update(model, {"value": 6})
    room.wait_for(lambda: room.of("truth", model), "the truth")
    assert heard(kernel, model, "value") == ([6] if echo else [])
    same(kernel, room)


@pytest.mark.scenario("S15")
def test_a_request_of_the_room_reaches_plain_front_ends(loaded: Loaded, echo: bool) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(value=5)")
    model = kernel.value("s.model_id")
    kernel.update(model, {"value": 6}, username="commdoc", msg_id="request-1")
    (settled,) = room.wait_for(lambda: room.of("settled", model), "the acknowledgement")
    assert settled == {
        "op": "settled", "comm_id": model, "state": {"value": 6}, "request_id": "request-1"
    }  # fmt: skip
    assert heard(kernel, model, "value") == [6]
    same(kernel, room)


@pytest.mark.scenario("S15")
@pytest.mark.parametrize("echo_on", [True, False])
def test_a_trait_that_is_not_echoed_ends_the_same(loaded: Loaded, echo_on: bool) -> None:
    kernel, room = loaded
    kernel.run(
        f"import ipywidgets.widgets.widget as _m; _m.JUPYTER_WIDGETS_ECHO = {echo_on}\n"
        "import traitlets\n"
        "class Quiet(w.DOMWidget):\n"
        "    value = traitlets.Int(5, max=10).tag(sync=True, echo_update=False)\n"
        "q = Quiet()"
    )
    model = kernel.value("q.model_id")
    kernel.update(model, {"value": 7}, username="commdoc")
    kernel.update(model, {"value": 700}, username="commdoc")
    kernel.update(model, {"value": 800})
    room.wait_for(lambda: len(room.of("settled", model)) == 2 and room.of("truth", model))
    same(kernel, room)
    assert kernel.value("q.value") == 7
    assert heard(kernel, model, "value")[-1] == 7


@pytest.mark.scenario("S15")
def test_callbacks_that_round_hold_and_write_back_end_the_same(loaded: Loaded, echo: bool) -> None:
    kernel, room = loaded
    kernel.run(
        "s = w.FloatSlider(value=5, max=100); t = w.Text()\n"
        "def round_it(change):\n"
        "    with s.hold_sync(), t.hold_sync():\n"
        "        s.value = round(s.value / 10) * 10\n"
        "        t.value = str(s.value)\n"
        "        s.description = t.value\n"
        "s.observe(round_it, 'value')"
    )
    model = kernel.value("s.model_id")
    for n, value in enumerate([11.5, 12, 18, 3, 98, 700, 99]):
        kernel.update(model, {"value": value}, **({"username": "commdoc"} if n % 2 else {}))
    same(kernel, room)
    assert heard(kernel, model, "value")[-1] == kernel.value("s.value") == 100


@pytest.mark.scenario("S15")
def test_held_changes_end_the_same(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run(
        "s = w.IntRangeSlider(value=(2, 3)); h = w.HBox()\n"
        "with s.hold_sync():\n"
        "    for i in range(50): s.value = (i, i + 1)\n"
        "    s.min = -5\n"
        "with s.hold_trait_notifications():\n"
        "    s.value = (60, 70); s.max = 65\n"
        "try:\n"
        "    with s.hold_trait_notifications():\n"
        "        s.max = 200; s.min = 300\n"
        "except Exception: pass\n"
        "with h.hold_sync(): h.children = [w.Button() for _ in range(5)]"
    )
    same(kernel, room)


def test_a_rejected_request_is_settled_with_the_error(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(value=5)")
    model = kernel.value("s.model_id")
    kernel.update(model, {"value": "no number"}, username="commdoc", msg_id="r")
    (settled,) = room.wait_for(lambda: room.of("settled", model))
    assert settled["state"] == {"value": 5}
    assert settled["error"].startswith("TraitError:")


@pytest.mark.scenario("S29")
def test_a_callback_that_raises_costs_its_traceback_and_nothing_else(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run(
        "s = w.IntSlider(value=5); b = w.Button()\n"
        "def fail(_): print('before'); raise RuntimeError('callback failed')\n"
        "s.observe(fail, 'value'); b.on_click(fail)"
    )
    slider, button = kernel.value("s.model_id"), kernel.value("b.model_id")
    kernel.update(slider, {"value": 6}, username="commdoc", msg_id="r1")
    (settled,) = room.wait_for(lambda: room.of("settled", slider))
    assert settled["state"] == {"value": 6}
    assert "error" not in settled  # the kernel took the value; the traceback tells the rest
    click = {"comm_id": button, "data": {"method": "custom", "content": {"event": "click"}}}
    kernel.comm("msg", click, username="commdoc", msg_id="r2")
    for request in ("r1", "r2"):
        logs = room.wait_for(partial(_both_logs, room.ops, request))
        assert "before\n" in logs["stdout"]
        assert "callback failed" in logs["stderr"]
        # ... and where plain Jupyter shows it: on iopub, in answer to the message.
        published = [each["msg_type"] for each in kernel.published(request)]
        assert {"error", "stream"} <= set(published)


def _both_logs(ops: list[dict[str, Any]], cause: str) -> dict[str, str] | None:
    """Return the text of stdout and stderr; None while one of them is missing."""
    found: dict[str, str] = {}
    for op in list(ops):
        if op["op"] == "log" and op["cause"] == cause:
            found[op["name"]] = found.get(op["name"], "") + op["text"]
    return found if len(found) == 2 else None


def test_a_request_for_a_comm_that_is_gone_is_settled_with_an_error(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.update("nobody", {"value": 1}, username="commdoc", msg_id="r")
    (settled,) = room.wait_for(lambda: room.of("settled"))
    assert (settled["request_id"], settled["error"]) == ("r", "no such comm")


def test_a_request_whose_value_is_sent_anew_names_it_as_the_cause(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("a = w.IntSlider(); b = w.IntSlider(); w.link((a, 'value'), (b, 'value'))")
    first, second = kernel.value("a.model_id"), kernel.value("b.model_id")
    kernel.update(first, {"value": 7}, username="commdoc", msg_id="r")
    room.wait_for(lambda: room.of("settled", first))
    (update,) = room.wait_for(lambda: room.of("update", second))
    assert update["cause"] == "r"


def test_binary_state_of_a_front_end_arrives_in_the_room(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("i = w.Image(value=b'before')")
    model = kernel.value("i.model_id")
    kernel.update(model, {}, buffer_paths=[["value"]], buffers=[b"after"], username="commdoc", msg_id="r")
    (settled,) = room.wait_for(lambda: room.of("settled", model))
    assert settled["state"] == {"value": b"after"}
    same(kernel, room)


def test_a_comm_that_a_front_end_opens_and_closes_is_mirrored(loaded: Loaded) -> None:
    kernel, room = loaded
    state = {"_model_name": "IntSliderModel", "_model_module": "@jupyter-widgets/controls", "value": 12}
    state |= {"_model_module_version": "2.0.0", "_view_name": "IntSliderView"}
    state |= {"_view_module": "@jupyter-widgets/controls", "_view_module_version": "2.0.0"}
    content = {
        "comm_id": "mine",
        "target_name": "jupyter.widget",
        "data": {"state": state, "buffer_paths": []},
    }
    message = kernel.client.session.msg("comm_open", content, metadata={"version": "2.1.0"})
    kernel.client.session.send(kernel.client.shell_channel.socket, message)
    kernel.idle(message["header"]["msg_id"])
    room.wait_for(lambda: room.state("mine").get("value") == 12)
    same(kernel, room)
    kernel.comm("close", {"comm_id": "mine", "data": {}})
    room.wait_for(lambda: "mine" not in room.states())


@pytest.mark.scenario("S48")
def test_messages_that_are_wrong_cost_nothing(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(value=5)")
    model = kernel.value("s.model_id")
    for data in ({}, None, {"method": "update"}, {"method": "update", "state": 5}, {"method": "nonsense"}):
        kernel.comm("msg", {"comm_id": model, "data": data})
    kernel.update(model, {"value": 6}, buffer_paths=[["x", "y"]])
    kernel.update(model, {"value": 7}, username="commdoc", msg_id="r")
    room.wait_for(lambda: room.of("settled", model))
    same(kernel, room)
