"""What one window may have at the kernel and before it, and the order in which it goes."""

from __future__ import annotations

import pytest

from tests.rooms.desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_what_waits_for_the_kernel_is_bounded_for_each_window_and_a_single_large_one_may_wait(
    desk: Desk,
) -> None:
    desk.ask("r0", value=0)
    for n in range(20):
        desk.pass_on(f"m{n}", size=10_000)
    assert desk.heard("m5") == []
    assert desk.heard("m19") == ["too_large"]
    assert "the limit is 100000" in desk.reasons[-1]
    desk.pass_on("another's", window="v", size=10_000)
    desk.pass_on("a file", window="u", size=500_000)
    assert desk.heard("another's") == desk.heard("a file") == []
    desk.settle("r0", value=0)
    assert {"m0", "another's", "a file"} <= set(desk.sent)


def test_windows_together_cannot_fill_the_room_for_one_that_has_next_to_nothing_waiting(desk: Desk) -> None:
    desk.requests.disconnected()
    for n in range(15):
        desk.pass_on("m", window=f"w{n}", size=90_000)
    assert [what for _, what, _ in desk.answers] == ["too_large"] * 5
    for size in (7_000, 1_000):
        for n in range(40):
            desk.pass_on("m", window=f"f{size}-{n}", size=size)
    assert desk.answers[-1][1] == "too_large"
    for n in range(5):
        desk.ask(f"r{n}", window=f"small{n}", value=n)
        assert desk.heard(f"r{n}") == ["accepted"]


@pytest.mark.scenario("S28")
def test_of_one_window_few_messages_stand_at_the_kernel_and_others_go_between(desk: Desk) -> None:
    for n in range(20):
        desk.pass_on(f"m{n}")
        desk.pass_on(f"n{n}", comm="d")
    desk.ask("r1", peer="B", window="v", value=7)
    assert desk.sent == ["m0", "n0", "m1", "n1", "r1"], "4 of the one, and the other does not wait behind 36"
    desk.settle("r1", value=7)
    handled = 0
    while len(desk.sent) < 41:
        ident = [sent for sent in desk.sent if sent != "r1"][handled]
        desk.handle(ident, comm="c" if ident.startswith("m") else "d")
        handled += 1
        assert len(desk.sent) - 1 - handled <= 4
    assert [ident for ident in desk.sent if ident.startswith("m")] == [f"m{n}" for n in range(20)]
    assert [ident for ident in desk.sent if ident.startswith("n")] == [f"n{n}" for n in range(20)]


def test_past_its_share_what_a_window_says_of_several_comms_stays_in_order(desk: Desk) -> None:
    said = [(f"m{n}", "cde"[n * n % 7 % 3]) for n in range(30)]
    comm_of = dict(said)
    for ident, comm in said:
        desk.pass_on(ident, comm=comm)
    for n in range(30):
        desk.handle(desk.sent[n], comm=comm_of[desk.sent[n]])
    assert desk.sent == [ident for ident, _ in said]


def test_what_waits_for_a_request_of_its_comm_does_not_hold_up_the_other_comms_of_its_window(
    desk: Desk,
) -> None:
    for n in range(4):
        desk.pass_on(f"n{n}", comm="d")
    desk.pass_on("m0")
    desk.ask("r0", value=50)
    desk.ask("r1", step=2)
    desk.pass_on("m1")
    desk.pass_on("n4", comm="d")
    for n in range(4):
        desk.handle(f"n{n}", comm="d")
    assert desk.sent[4:] == ["m0", "r0", "n4"], "r1 and m1 wait for r0"
    desk.settle("r0", value=50)
    desk.settle("r1", step=2)
    assert desk.sent[7:] == ["r1", "m1"]


def test_a_window_that_waits_for_anothers_older_value_has_its_share_for_everything_else(desk: Desk) -> None:
    for n in range(4):
        desk.pass_on(f"m{n}", comm="d")  # all that this window may have at the kernel
    desk.pass_on("x0", window="v", comm="e")
    desk.ask("r1", value=1)
    desk.ask("r2", window="v", value=2)
    desk.handle("x0", comm="e")
    desk.pass_on("x1", window="v", comm="e")
    assert desk.sent[4:] == ["x0", "x1"], "r2 waits for r1, which waits for its window's share"
    desk.handle("m0", comm="d")
    desk.settle("r1", value=1)
    desk.settle("r2", value=2)
    assert desk.sent[6:] == ["r1", "r2"]
    assert desk.document["value"] == 2


def test_windows_take_turns_at_one_comm(desk: Desk) -> None:
    desk.ask("r0", value=0)
    for n in range(3):
        desk.pass_on(f"m{n}")
    for n in range(3):
        desk.pass_on(f"x{n}", window="v")
    desk.settle("r0", value=0)
    assert desk.sent == ["r0", "m0", "x0", "m1", "x1", "m2", "x2"]


def test_of_large_messages_fewer_stand_at_the_kernel(desk: Desk) -> None:
    for n in range(4):
        desk.pass_on(f"m{n}", size=30_000)
    assert desk.sent == ["m0", "m1"]
    desk.handle("m0")
    assert desk.sent == ["m0", "m1", "m2"]
