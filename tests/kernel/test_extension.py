"""Loading, loading again, unloading: nothing twice, and the kernel afterwards as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.conftest import Loaded
from tests.kernel.mirror import same
from tests.kernel.process import KernelProcess, kernel_process, load, unload
from tests.kernel.room import RecordingRoom

pytestmark = pytest.mark.kernel

SNAPSHOT = """
def snapshot():
    import os, signal, sys, threading
    ip = get_ipython(); k = ip.kernel
    return {
        'session': {k_: repr(v) for k_, v in vars(k.session).items() if k_ not in ('_trait_values', 'message_count')},
        'send': repr(k.session.send),
        'shell_handlers': {name: repr(handler) for name, handler in k.shell_handlers.items()},
        'control_handlers': {name: repr(handler) for name, handler in k.control_handlers.items()},
        'comm_manager': {name: repr(value) for name, value in vars(k.comm_manager).items() if name != '_trait_values'},
        'comms': sorted(k.comm_manager.comms), 'targets': sorted(k.comm_manager.targets),
        'kernel': sorted(vars(k)), 'shell': sorted(vars(ip)),
        'line_magics': sorted(ip.magics_manager.magics['line']), 'registry': sorted(ip.magics_manager.registry),
        'configurables': [type(each).__name__ for each in ip.configurables],
        'callbacks': {name: list(map(repr, each)) for name, each in ip.events.callbacks.items()},
        'extensions': sorted(ip.extension_manager.loaded),
        'threads': sorted(t.name for t in threading.enumerate() if 'locate' not in t.name),
        'environ': dict(os.environ), 'path': list(sys.path), 'cwd': os.getcwd(),
        'signals': [repr(signal.getsignal(n)) for n in (2, 15)],
        'hooks': [repr(each) for each in (sys.excepthook, sys.displayhook, threading.excepthook, sys.unraisablehook)],
        'streams': [repr(sys.stdout), repr(sys.stderr)],
        'publishing': [len(k.shell.display_pub._hooks), repr(k.iopub_socket)],
        'namespace': sorted(key for key in ip.user_ns if not key.startswith('_') and key not in ('In', 'Out')),
    }
"""


@pytest.fixture
def fresh() -> Iterator[KernelProcess]:
    """A kernel of the test's own."""
    with kernel_process() as process:
        process.run("import ipywidgets as w, threading")
        yield process


@pytest.mark.acceptance("A6")
@pytest.mark.scenario("S41")
def test_unloading_leaves_the_kernel_as_it_was(fresh: KernelProcess, room: RecordingRoom) -> None:
    fresh.run("import commdoc.kernel.extension as _extension, gc, sys; s = w.IntSlider()")
    fresh.run("%unload_ext commdoc")  # IPython itself registers that magic on its first use
    fresh.run(SNAPSHOT + "before = during = None; before = snapshot()")
    load(fresh, room.url)
    room.wait_for(lambda: room.of("adopted"))
    fresh.run("during = snapshot(); s.value = 5; w.HBox([w.Text()]); display(s)")
    fresh.update(fresh.value("s.model_id"), {"value": 6})
    same(fresh, room)
    fresh.run("%commdoc")
    unload(fresh)
    fresh.run("after = snapshot()")
    assert fresh.value("[key for key in before if before[key] != during[key]]") != []
    changed = fresh.value("{key: [before[key], after[key]] for key in before if before[key] != after[key]}")
    changed.pop("comms")  # what the user opened meanwhile
    assert changed == {}, [
        {name: (one.get(name), other.get(name)) for name in one | other if one.get(name) != other.get(name)}
        if isinstance(one, dict)
        else (key, [each for each in one if each not in other], [each for each in other if each not in one])
        for key, (one, other) in changed.items()
    ]
    assert fresh.value("'send' in vars(get_ipython().kernel.session)") is False


@pytest.mark.scenario("S41")
def test_loading_twice_mirrors_once(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("%load_ext commdoc")
    kernel.run("import commdoc; commdoc.load_ipython_extension(get_ipython())")
    kernel.run("s = w.IntSlider(value=3); s.send({'x': 1})")
    model = kernel.value("s.model_id")
    room.wait_for(lambda: room.of("message", model))
    kernel.run("s.value = 4")
    same(kernel, room)
    assert len(room.hellos) == 1
    assert [len(room.of(kind, model)) for kind in ("open", "update", "message")] == [1, 1, 1]


@pytest.mark.scenario("S41")
def test_loading_again_after_unloading_mirrors_everything_again(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(value=3)")
    unload(kernel)
    kernel.run("s.value = 9; t = w.Text(value='unseen')")
    load(kernel, room.url)
    room.wait_for(lambda: len(room.hellos) == 2)
    same(kernel, room)
    assert room.hellos[0]["kernel"]["epoch"] == room.hellos[1]["kernel"]["epoch"]  # the kernel lives on


@pytest.mark.scenario("S41")
def test_what_was_displayed_is_known_again_after_a_reload_in_its_order(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("from IPython.display import display\na = w.Text(); display(a)")
    kernel.run("b = w.Text(); b")
    kernel.run("c = w.Text(); display(c)")
    ids = [kernel.value(f"{name}.model_id") for name in "abc"]
    room.wait_for(lambda: len(room.of("view")) == 3)
    before = room.of("view")
    unload(kernel)
    kernel.run("d = w.Text(); d")
    load(kernel, room.url)
    room.wait_for(lambda: len(room.hellos) == 2 and len(room.of("view")) == 7)
    assert room.of("view")[3:6] == before
    assert [op["comm_id"] for op in room.of("view")[3:]] == [*ids, kernel.value("d.model_id")]


@pytest.mark.scenario("S41")
def test_unloading_what_is_not_loaded_is_no_error(loaded: Loaded) -> None:
    loaded.kernel.run("%unload_ext commdoc")
    loaded.kernel.run("import commdoc; commdoc.unload_ipython_extension(get_ipython())")


@pytest.mark.scenario("S41")
def test_unloading_hands_over_the_last_changes(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider()")
    model = kernel.value("s.model_id")
    kernel.run("for i in range(50): s.value = i; s.send(i)\n%unload_ext commdoc")
    room.wait_for(lambda: room.state(model).get("value") == 49)
    room.wait_for(lambda: len(room.of("message", model)) == 50)


@pytest.mark.scenario("S41")
@pytest.mark.parametrize("mode", ["1", "2"])
def test_autoreload_of_our_modules_breaks_nothing(
    fresh: KernelProcess, room: RecordingRoom, mode: str
) -> None:
    load(fresh, room.url)
    room.wait_for(lambda: room.of("adopted"))
    fresh.run(
        f"%load_ext autoreload\n%autoreload {mode}\n%aimport commdoc.kernel.hook\nimport importlib, sys, os"
    )
    touched = (
        "commdoc.kernel.hook",
        "commdoc.kernel.records",
        "commdoc.kernel.inbound",
        "commdoc.kernel.extension",
    )
    fresh.run("s = w.IntSlider()")
    model = fresh.value("s.model_id")
    for n, module in enumerate(touched):
        fresh.run(
            "from IPython.extensions.autoreload import superreload\n"
            f"superreload(sys.modules[{module!r}], shell=get_ipython()); s.value = {n + 1}"
        )
        fresh.update(model, {"value": 50 + n})
        same(fresh, room)
    fresh.run("%load_ext commdoc")
    assert len(room.hellos) == 1
    unload(fresh)
    assert fresh.value("'send' in vars(get_ipython().kernel.session)") is False
    assert fresh.value("[t.name for t in threading.enumerate() if 'commdoc' in t.name]") == []


OTHER_LIBRARY = """
session = get_ipython().kernel.session; handlers = get_ipython().kernel.shell_handlers
seen = []; before_send = session.send; before_msg = handlers['comm_msg']
def their_send(*args, **kwargs):
    seen.append('send'); return before_send(*args, **kwargs)
def their_msg(*args, **kwargs):
    seen.append('msg'); return before_msg(*args, **kwargs)
session.send = their_send; handlers['comm_msg'] = their_msg
"""


@pytest.mark.scenario("S41")
def test_another_library_that_hooks_after_us_goes_on_and_we_are_inert(
    fresh: KernelProcess, room: RecordingRoom
) -> None:
    load(fresh, room.url)
    room.wait_for(lambda: room.of("adopted"))
    fresh.run("s = w.IntSlider()\n" + OTHER_LIBRARY)
    model = fresh.value("s.model_id")
    fresh.update(model, {"value": 700})
    same(fresh, room)
    unload(fresh)
    room.wait_for(lambda: room.departed == 1, "the end of the bridge's connection")
    told = len(room.ops)
    fresh.run("seen.clear(); s.value = 3")
    fresh.update(model, {"value": 50})
    assert fresh.value("s.value") == 50
    assert fresh.value("sorted(set(seen))") == ["msg", "send"]
    assert fresh.value("session.send is their_send and handlers['comm_msg'] is their_msg") is True
    assert (len(room.ops), len(room.hellos)) == (told, 1)
    # Loading again on top of theirs mirrors once, not twice.
    load(fresh, room.url)
    room.wait_for(lambda: len(room.hellos) == 2)
    fresh.run("s.value = 4; s.send('x')")
    room.wait_for(lambda: room.of("message", model))
    same(fresh, room)
    assert len(room.of("message", model)) == 1
    unload(fresh)
    fresh.run("session.send = before_send; handlers['comm_msg'] = before_msg; s.value = 5")


@pytest.mark.scenario("S41")
def test_a_library_that_hooked_before_us_is_there_afterwards(
    fresh: KernelProcess, room: RecordingRoom
) -> None:
    fresh.run("s = w.IntSlider()\n" + OTHER_LIBRARY)
    load(fresh, room.url)
    room.wait_for(lambda: room.of("adopted"))
    fresh.update(fresh.value("s.model_id"), {"value": 700})
    same(fresh, room)
    unload(fresh)
    assert fresh.value("session.send is their_send and handlers['comm_msg'] is their_msg") is True


def test_loading_at_the_start_of_the_kernel(
    room: RecordingRoom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "found_room.py").write_text(
        "import commdoc.kernel.extension as e\n"
        f"e._locate = lambda *_: e.Endpoint({room.url!r}, 't')\n"
        "load_ipython_extension = e.load_ipython_extension\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with kernel_process(["--IPKernelApp.extensions=['found_room']"]) as kernel:
        kernel.run("import ipywidgets as w; s = w.IntSlider(value=8)")
        room.wait_for(lambda: room.state(kernel.value("s.model_id")).get("value") == 8)


def test_outside_of_a_kernel_it_explains_itself() -> None:
    from IPython.core.error import UsageError
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    from commdoc.kernel.extension import load_ipython_extension, unload_ipython_extension

    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    with pytest.raises(UsageError, match="Jupyter kernel"):
        load_ipython_extension(shell)
    unload_ipython_extension(shell)
