"""Requests by themselves: what goes to the kernel, what the document shows, what the window hears."""

from __future__ import annotations

import pytest

from tests.rooms.desk import Desk


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


def test_the_newest_value_is_the_last_that_the_kernel_gets_whichever_windows_turn_it_is(desk: Desk) -> None:
    desk.ask("r0", window="a", value=0)
    desk.ask("r1", window="a", value=1)
    desk.ask("r2", window="b", value=2)
    desk.ask("r3", window="a", value=3)
    assert desk.heard("r1") == ["accepted", "superseded"]
    for ident, value in (("r0", 0), ("r2", 2), ("r3", 3)):
        desk.settle(ident, value=value)
    assert desk.sent == ["r0", "r2", "r3"]
    assert desk.document["value"] == 3


def test_what_other_windows_asked_of_other_keys_stands_in_no_requests_way(desk: Desk) -> None:
    desk.ask("r0", window="a", value=0)
    desk.ask("r1", window="a", value=1)
    desk.ask("r2", window="b", step=2)
    desk.ask("r3", window="a", value=3)
    desk.settle("r0", value=0)
    assert desk.sent == ["r0", "r3"]


def test_a_request_without_keys_is_one_like_any_other(desk: Desk) -> None:
    desk.ask("r0")
    desk.ask("r1")
    desk.ask("r2", value=2)
    desk.ask("r3")
    desk.expire(1)
    assert desk.sent == ["r0"]
    for ident in ("r0", "r2", "r3"):
        desk.settle(ident)
    assert desk.sent == ["r0", "r2", "r3"]
    assert desk.heard("r1") == ["accepted", "superseded"]
    assert desk.requests.open_count() == 0


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
