"""Requests by themselves: what goes to the kernel, what the document shows, what the window hears."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from commdoc.protocol.messages import State
from commdoc.rooms.kernel_link import KernelLinkError
from commdoc.rooms.limits import RoomLimits
from commdoc.rooms.requests import Requests
from commdoc.rooms.waiting import Sender, ToKernel

LIMITS = RoomLimits(
    request_seconds=10,
    lost_seconds=30,
    gap_seconds=2,
    waiting_bytes=1_000_000,
    peer_waiting_bytes=100_000,
    in_flight=4,
    in_flight_bytes=50_000,
)


class Desk:
    """`Requests` with a document, a kernel and a clock that a test can see."""

    def __init__(self) -> None:
        self.now = 0.0
        self.document: State = {"value": 0, "step": 1}
        self.sent: list[str] = []
        self.answers: list[tuple[str, str, str]] = []
        self.messages: list[dict[str, Any]] = []
        self.link_broken = False
        self.requests = Requests(self._send, self._answer, lambda: self.now, LIMITS)
        self.requests.connected()

    def _send(self, msg_type: str, content: dict[str, Any], buffers: Sequence[bytes], msg_id: str) -> None:
        if self.link_broken:
            raise KernelLinkError("broken")
        self.sent.append(msg_id)

    def _answer(self, peer_id: str, message: dict[str, Any]) -> None:
        ident = message.get("request_id") or message.get("message_id") or ""
        self.answers.append((peer_id, message.get("code") or message["type"], ident))
        self.messages.append(message)

    @property
    def reasons(self) -> list[str]:
        return [message.get("reason", "") for message in self.messages]

    def ask(self, ident: str, peer: str = "A", window: str = "w", **state: Any) -> None:
        message = ToKernel("comm_msg", {"comm_id": "c", "data": {"state": state}}, [])
        self.document |= self.requests.ask(Sender(peer, window), ident, "c", state, message, self.document)

    def pass_on(self, ident: str, peer: str = "A", window: str = "w", comm: str = "c", size: int = 0) -> None:
        message = ToKernel("comm_msg", {"comm_id": comm, "data": {}}, [bytes(size)])
        self.requests.pass_on(Sender(peer, window), ident, comm, message)

    def handle(self, ident: str, comm: str = "c", error: str | None = None) -> None:
        self.requests.handled(comm, ident, error)

    def update(self, cause: str | None = None, **state: Any) -> None:
        self.document |= self.requests.update("c", state, cause)

    def settle(self, ident: str, error: str | None = None, **state: Any) -> None:
        self.document |= self.requests.settled("c", ident, state, error)

    def expire(self, now: float) -> None:
        self.now = now
        self.document |= self.requests.expire().get("c", {})

    def heard(self, ident: str) -> list[str]:
        return [what for _, what, name in self.answers if name == ident]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_one_request_of_a_comm_is_in_flight(desk: Desk) -> None:
    desk.ask("r1", value=1)
    desk.ask("r2", step=2)
    assert desk.sent == ["r1"]
    assert desk.document == {"value": 1, "step": 2}
    desk.settle("r1", value=1)
    assert desk.sent == ["r1", "r2"]
    assert desk.heard("r1") == ["accepted", "settled"]


@pytest.mark.scenario("S49")
def test_two_requests_that_are_valid_only_one_after_the_other_are_both_sent_in_order(desk: Desk) -> None:
    desk.ask("r0", value=0)
    desk.ask("r1", value=50)
    desk.ask("r2", step=-1)
    desk.settle("r0", value=0)
    desk.settle("r1", value=50)
    desk.settle("r2", step=-1)
    assert desk.sent == ["r0", "r1", "r2"]
    assert desk.document == {"value": 50, "step": -1}


def test_a_request_whose_keys_are_all_in_later_ones_is_dropped_and_told(desk: Desk) -> None:
    desk.ask("r0", value=0)
    desk.ask("r1", value=1)
    desk.ask("r2", value=2, step=2)
    desk.ask("r3", value=3)
    assert desk.heard("r1") == ["accepted", "superseded"]
    assert desk.heard("r2") == ["accepted"], "its step is in no later one"
    desk.settle("r0", value=0)
    assert desk.sent == ["r0", "r2"]


def test_a_request_is_not_dropped_across_a_message(desk: Desk) -> None:
    desk.ask("r0", value=0)
    desk.ask("r1", value=1)
    desk.pass_on("m1")
    desk.ask("r2", value=2)
    desk.settle("r0", value=0)
    desk.settle("r1", value=1)
    assert desk.sent == ["r0", "r1", "m1", "r2"]


def test_the_hand_is_not_pulled_back_while_requests_are_open(desk: Desk) -> None:
    desk.ask("r1", value=10)
    desk.ask("r2", value=700)
    desk.update("r1", value=9)
    assert desk.document["value"] == 700
    desk.settle("r1", value=9)
    assert desk.document["value"] == 700
    desk.settle("r2", value=100)
    assert desk.document["value"] == 100


def test_a_rejected_value_goes_back_although_the_kernel_has_sent_nothing(desk: Desk) -> None:
    desk.ask("r1", value=700)
    desk.settle("r1", "TraitError", value=0)
    assert desk.document["value"] == 0


def test_what_the_kernel_does_by_itself_is_newer_than_the_request(desk: Desk) -> None:
    desk.ask("r1", value=10)
    desk.update(value=55)
    assert desk.document["value"] == 55
    desk.settle("r1", value=10)
    assert desk.document["value"] == 10


def test_reading_the_same_value_again_does_not_pull_the_hand_back(desk: Desk) -> None:
    desk.ask("r1", value=10)
    desk.update(value=0)
    assert desk.document["value"] == 10


def test_a_key_that_the_comm_does_not_have_is_left_to_the_kernel(desk: Desk) -> None:
    desk.ask("r1", nonsense=1)
    assert "nonsense" not in desk.document
    assert desk.sent == ["r1"]
    desk.settle("r1")
    assert "nonsense" not in desk.document


def test_a_repeated_request_is_answered_as_before_and_not_done_again(desk: Desk) -> None:
    desk.ask("r1", value=1)
    desk.ask("r1", peer="B", value=1)
    assert desk.sent == ["r1"]
    desk.settle("r1", value=1)
    assert desk.answers == [("A", "accepted", "r1"), ("B", "accepted", "r1"), ("B", "settled", "r1")]
    desk.ask("r1", peer="C", value=5)
    assert desk.answers[3:] == [("C", "accepted", "r1"), ("C", "settled", "r1")]
    assert (desk.sent, desk.document["value"]) == (["r1"], 1)


def test_a_lost_subshell_is_forgotten_and_the_request_sent_once_more(desk: Desk) -> None:
    desk.ask("r1", value=1)
    desk.pass_on("m1")
    assert desk.requests.subshell_lost("r1") == "c"
    assert desk.requests.subshell_lost("r1") is None, "once"
    desk.requests.forgotten("c", "r1")
    assert desk.sent == ["r1", "r1"]
    desk.settle("r1", value=1)
    assert desk.sent == ["r1", "r1", "m1"]


def test_without_a_connection_requests_wait_and_then_expire(desk: Desk) -> None:
    desk.requests.disconnected()
    desk.now = 5.0
    desk.ask("r1", value=1)
    desk.pass_on("m1")
    desk.expire(14.9)
    assert desk.heard("r1") == ["accepted"]
    desk.expire(15.0)
    assert desk.heard("r1") == ["accepted", "expired"]
    assert desk.heard("m1") == ["expired"]
    assert (desk.sent, desk.document["value"]) == ([], 0)


def test_what_waited_is_sent_when_the_connection_is_back(desk: Desk) -> None:
    desk.requests.disconnected()
    desk.ask("r1", value=1)
    desk.requests.connected()
    assert desk.sent == ["r1"]


def test_after_a_gap_a_request_ends_when_the_kernel_has_written_its_key(desk: Desk) -> None:
    desk.ask("r1", value=1)
    desk.requests.disconnected()
    desk.requests.connected()
    desk.update(value=77)
    assert desk.heard("r1") == ["accepted", "expired"]
    assert desk.document["value"] == 77
    desk.settle("r1", value=78)
    assert desk.document["value"] == 78, "a late acknowledgement is still the kernel's word"


def test_after_a_gap_a_request_of_which_an_idle_kernel_says_nothing_ends(desk: Desk) -> None:
    desk.ask("r1", value=1)
    desk.requests.disconnected()
    desk.requests.connected()
    desk.expire(20)
    assert desk.heard("r1") == ["accepted"], "a busy kernel may still come to it"
    desk.requests.status(idle=True)
    desk.expire(21.9)
    assert desk.heard("r1") == ["accepted"]
    desk.expire(22)
    assert desk.heard("r1") == ["accepted", "expired"]
    assert desk.document["value"] == 0


def test_a_request_that_a_connected_idle_kernel_never_got_ends_too(desk: Desk) -> None:
    desk.requests.status(idle=True)
    desk.ask("r1", value=1)
    desk.ask("r2", step=5)
    desk.expire(30)
    assert desk.heard("r1") == ["accepted", "expired"]
    assert desk.sent == ["r1", "r2"]


def test_a_link_that_takes_nothing_fails_what_waits_for_it(desk: Desk) -> None:
    desk.link_broken = True
    desk.ask("r1", value=1)
    desk.expire(9)
    assert desk.heard("r1") == ["accepted"]
    desk.expire(10)
    assert desk.heard("r1") == ["accepted", "expired"]


def test_a_dead_kernel_and_a_new_epoch_end_everything(desk: Desk) -> None:
    desk.ask("r1", value=1)
    desk.ask("r2", step=3)
    assert desk.requests.end_all("dead", dead=True) == {"c": {"value": 0, "step": 1}}
    assert desk.heard("r1")[-1] == desk.heard("r2")[-1] == "kernel_gone"
    desk.ask("r3", value=1)
    assert desk.heard("r3") == ["kernel_gone"]
    desk.requests.connected()
    desk.ask("r3", value=1)
    assert desk.heard("r3") == ["kernel_gone", "accepted"], "a refused one may be asked again"


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


def test_the_next_may_go_before_what_a_message_did_is_written(desk: Desk) -> None:
    for n in range(6):
        desk.pass_on(f"m{n}")
    desk.requests.landed("c", "m0")
    desk.requests.landed("c", "m0")
    assert (desk.sent[-1], desk.answers) == ("m4", []), "one for one"
    desk.handle("m0")
    assert desk.sent[-1] == "m4"
    assert desk.heard("m0") == ["settled"]


def test_a_message_is_answered_when_the_kernel_has_handled_it(desk: Desk) -> None:
    desk.pass_on("m1")
    desk.pass_on("m2")
    assert desk.answers == []
    desk.handle("m1")
    desk.handle("m2", error="ValueError: no")
    assert desk.answers == [("A", "settled", "m1"), ("A", "settled", "m2")]
    assert desk.messages[-1]["error"] == "ValueError: no"


def test_with_a_bridge_that_does_not_tell_a_message_is_over_when_it_was_sent(desk: Desk) -> None:
    desk.requests.connected(tells=False)
    for n in range(20):
        desk.pass_on(f"m{n}")
    assert len(desk.sent) == 20
    assert desk.requests.open_count() == 0


def test_two_windows_that_choose_the_same_id_do_not_collide(desk: Desk) -> None:
    desk.ask("1", value=1)
    desk.ask("1", peer="B", window="v", step=5)
    assert desk.answers == [("A", "accepted", "1"), ("B", "accepted", "1")]
    desk.settle("1", value=1)
    first, second = desk.sent
    assert (first, second != first) == ("1", True), "the kernel tells them apart"
    desk.settle(second, step=5)
    assert desk.answers[2:] == [("A", "settled", "1"), ("B", "settled", "1")]
    assert desk.document == {"value": 1, "step": 5}


def test_a_window_that_repeats_its_own_id_on_another_connection_is_answered_there(desk: Desk) -> None:
    desk.ask("r0", value=0)
    desk.pass_on("m1")
    desk.pass_on("m1", peer="B")
    desk.settle("r0", value=0)
    assert desk.sent == ["r0", "m1"]
    desk.handle("m1")
    desk.pass_on("m1", peer="C")
    assert [(peer, what) for peer, what, ident in desk.answers if ident == "m1"] == [
        ("B", "settled"),
        ("C", "settled"),
    ]
    assert desk.sent == ["r0", "m1"]


def test_another_windows_flood_does_not_make_the_room_forget_what_was_answered(desk: Desk) -> None:
    desk.pass_on("m1")
    desk.handle("m1")
    for n in range(12_000):
        desk.pass_on(f"x{n}", window="v")
        desk.handle(f"x{n}")
    desk.pass_on("m1", peer="B")
    assert desk.sent.count("m1") == 1


def test_a_message_of_which_the_kernel_says_nothing_ends(desk: Desk) -> None:
    desk.requests.status(idle=True)
    for n in range(5):
        desk.pass_on(f"m{n}")
    desk.expire(30)
    assert desk.heard("m0") == desk.heard("m3") == ["expired"]
    assert desk.sent == ["m0", "m1", "m2", "m3", "m4"], "and makes room for the next"


def test_of_a_message_that_a_dead_kernel_had_the_window_hears(desk: Desk) -> None:
    desk.ask("r1", value=1)
    desk.pass_on("m1")
    desk.pass_on("n1", comm="d")
    desk.requests.end_all("dead", dead=True)
    assert desk.heard("m1") == desk.heard("n1") == ["kernel_gone"]
    assert desk.sent == ["r1", "n1"], "nothing goes to it any more"


def test_a_comm_that_closes_fails_what_waits_but_not_the_close_that_did_it(desk: Desk) -> None:
    desk.pass_on("close")
    desk.ask("r1", value=1)
    desk.ask("r2", value=2)
    desk.requests.closed("c")
    desk.handle("close")
    assert (desk.heard("close"), desk.heard("r2")) == (["settled"], ["accepted", "no_such_comm"])


def test_nothing_is_kept_of_what_is_over(desk: Desk) -> None:
    desk.ask("r1", value=1)
    for n in range(9):
        desk.pass_on(f"m{n}")
    desk.settle("r1", value=1)
    for n in range(9):
        desk.handle(f"m{n}")
    assert desk.requests.open_count() == 0
    assert desk.requests._comms == {}
    assert len(desk.requests._held_back) == 0
    assert (len(desk.requests._shares), desk.requests._shares.waiting) == (0, 0)
