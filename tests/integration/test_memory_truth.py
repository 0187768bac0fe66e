"""What the daemon says that models hold is what they hold, nothing of them is left, and a foreign program gets room:
the course of bench/memory_truth.py, shortened."""

import sys

import pytest

from tests.support.event_stream import Event
from tests.support.memory_cgroup import Unavailable, memory_cgroup
from tests.support.rouse_daemon import ROOT

sys.path.insert(0, str(ROOT / "bench"))
import memory_truth  # noqa: E402
from known_bytes import table  # noqa: E402
from memory_truth import MIB, OFF  # noqa: E402

SEED, MODELS, CYCLES, BUDGET = 5, 6, 12, 448 * MIB


@pytest.fixture
def group():
    try:
        with memory_cgroup(memory_truth.GROUP) as made:
            yield made
    except Unavailable as missing:
        pytest.skip(f"nowhere to be alone: {missing}")


def left(course) -> tuple:
    return course.residue, course.workers, course.descriptors, course.unconfirmed


def test_what_is_said_of_models_is_what_they_hold_and_nothing_of_them_is_left():
    course = memory_truth.run(SEED, MODELS, CYCLES, BUDGET)
    known = memory_truth.compared(SEED, MODELS, course.said)
    assert (known["looks"], known["models"]) == (CYCLES, MODELS)
    assert max(known["off"]) <= OFF, known
    assert course.starts == course.ends.total() == CYCLES and course.ends["evicted"] > 0
    assert course.unfit == []
    assert left(course) == (0, 0, 0, 0) and course.growth <= MIB


def test_a_foreign_program_has_idle_models_leave_and_nothing_starts_where_it_is(group):
    course = memory_truth.run(SEED, MODELS, MODELS + 1, BUDGET, group, beside=2)
    assert course.over_budget > 0 and course.beside > 2  # the reservation is one of them
    assert course.unfit == []
    assert left(course) == (0, 0, 0, 0)


def test_a_figure_that_is_wrong_is_noticed():
    (name, (_, size)), *_ = table(SEED, MODELS).items()
    assert memory_truth.compared(SEED, MODELS, [{"model": name, "bytes": size}])["worst"]["off"] > OFF


def test_a_start_without_room_is_noticed():
    host = {"id": "host", "unconfirmed": 0, "reserved": 0, "effective": 10, "at": "then"}
    events = [Event(1, "device", {**host, "used_by_models": 6}),
              Event(2, "model", {"model": "m", "from": "cold", "to": "loading"}),
              Event(3, "device", {**host, "used_by_models": 11})]
    course = memory_truth.Course()
    assert memory_truth.judge_starts(course, events) == 1
    assert course.unfit == ["m loading at then: 11 of 10 bytes"]
