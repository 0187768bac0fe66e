"""GPUs, with a driver library that says what a file tells it (tests/support/fake_driver) and real workers."""

import os
import sys
from pathlib import Path

import pytest

from tests.support.rouse_daemon import ROOT, RouseDaemon, until

LIBRARY = Path(os.environ.get("ROUSE_BUILD", ROOT / "build" / "release")) / "tests" / "libfake_nvml.so"
PROGRAM = str(ROOT / "tests" / "support" / "gpu_program.py")
GIB = 1 << 30
SIZE, KEPT_BY_DRIVER = 8 * GIB, GIB // 4
CAN_EVER = round(SIZE * 0.8)


class Machine:
    """Two GPUs of 8 GiB; `a` on the first holds 3 GiB of 4 that it may, `b` on the second 2 GiB."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.file = folder / "driver"
        for name in ("first", "second"):
            (folder / name).mkdir()
        self.becomes()

    def becomes(self, first: str = "", before: str = ""):
        """`first` is said of the first GPU, `before` of the whole driver."""
        text = (f"{before}\ngpu GPU-first {SIZE} {KEPT_BY_DRIVER} First\nholders {self.folder}/first\n{first}\n"
                f"gpu GPU-second {SIZE} 0 Second\nholders {self.folder}/second\n")
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.rename(self.file)

    def program(self, name: str, gib: int, footprint: dict) -> dict:
        return {"engine": "command", "command": [sys.executable, PROGRAM, "{socket}", str(self.folder / name), str(gib * GIB)],
                "footprint": footprint, "min_residency": "0s"}

    def serve(self, **more) -> RouseDaemon:
        models = {"a": self.program("first", 3, {"gpu0": "4GiB"}), "b": self.program("second", 2, {"gpu1": "2GiB"}), **more}
        return RouseDaemon({"policy": {"settle": "100ms"}, "models": models},
                           env={"ROUSE_DRIVER_LIBRARY": str(LIBRARY), "ROUSE_FAKE_DRIVER": str(self.file)})


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def device(rouse, name: str) -> dict:
    return next(d for d in rouse.get("/rouse/v1/devices")["devices"] if d["id"] == name)


def load(rouse, name: str):
    status, _, body = rouse.ask("GET", f"/rouse/v1/models/{name}/app/")
    assert status == 200, body
    return body


def unload(rouse, name: str) -> dict:
    status, _, receipt = rouse.post(f"/rouse/v1/models/{name}/unload")
    assert status == 200, receipt
    return receipt


def test_a_machine_without_a_driver_has_no_gpus(machine):
    with RouseDaemon({"models": {"a": machine.program("first", 3, {"gpu0": "4GiB"})}},
                     env={"ROUSE_DRIVER_LIBRARY": "librouse-no-such-driver.so.1"}) as rouse:
        assert [d["id"] for d in rouse.get("/rouse/v1/devices")["devices"]] == ["host"]
        status, _, body = rouse.chat("a")
        assert status == 507 and "gpu0, which this machine does not have; it has host" in body["error"]["message"], body


def test_gpus_are_devices_and_a_worker_is_seen_to_hold_what_it_holds(machine):
    with machine.serve(lost=machine.program("first", 1, {"gpu7": "1GiB"})) as rouse:
        gpu = device(rouse, "gpu0")
        assert (gpu["uuid"], gpu["product"], gpu["total"], gpu["limit"]) == ("GPU-first", "First", SIZE, CAN_EVER)
        assert (gpu["used_by_models"], gpu["used_by_others"]) == (0, KEPT_BY_DRIVER)
        environment = load(rouse, "a")
        assert environment["CUDA_VISIBLE_DEVICES"] == "GPU-first"
        assert environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
        until(lambda: rouse.model("a")["footprint"]["gpu0"] == 3 * GIB, "what it holds is measured")
        assert rouse.model("a")["footprint"]["host"] > 1 << 20
        gpu = device(rouse, "gpu0")
        assert (gpu["used_by_models"], gpu["used_by_others"], gpu["shared"]) == (3 * GIB, KEPT_BY_DRIVER, False)
        receipt = unload(rouse, "a")
        assert receipt["confirmed"] and receipt["freed"]["gpu0"] == 3 * GIB, receipt
        assert device(rouse, "gpu0")["used_by_models"] == 0
        status, _, body = rouse.chat("lost")
        assert status == 507 and "gpu7, which this machine does not have" in body["error"]["message"], body


def test_a_foreign_program_shrinks_the_budget_and_an_idle_worker_leaves(machine):
    with machine.serve() as rouse:
        load(rouse, "a")
        load(rouse, "b")
        until(lambda: rouse.model("a")["footprint"]["gpu0"] == 3 * GIB, "what it holds is measured")
        machine.becomes(first=f"process {os.getpid()} {5 * GIB}")
        rouse.until_state("a", "cold")
        gpu = device(rouse, "gpu0")
        assert (gpu["used_by_others"], gpu["shared"]) == (5 * GIB + KEPT_BY_DRIVER, True)
        assert gpu["effective"] == SIZE - 5 * GIB - KEPT_BY_DRIVER
        assert rouse.state("b") == "ready"


def test_a_gpu_that_fails_is_unavailable_and_the_rest_serves(machine):
    with machine.serve() as rouse:
        load(rouse, "a")
        machine.becomes(first="fails 15")
        assert device(rouse, "gpu0")["unavailable"] == "GPU is lost"
        rouse.until_state("a", "cold")
        status, _, body = rouse.chat("a")
        assert status == 503 and "gpu0, which cannot be used now: GPU is lost" in body["error"]["message"], body
        load(rouse, "b")
        machine.becomes()
        assert device(rouse, "gpu0")["effective"] == CAN_EVER
        load(rouse, "a")


def test_a_driver_that_hangs_keeps_nobody_waiting(machine):
    with machine.serve() as rouse:
        load(rouse, "b")
        machine.becomes(before="hangs")
        until(lambda: device(rouse, "gpu0")["unavailable"] == "its driver does not answer", "it is given up")
        status, _, body = rouse.chat("a")
        assert status == 503, body
        machine.becomes()
        until(lambda: device(rouse, "gpu0")["unavailable"] is None, "it answers again")
        load(rouse, "a")


def test_a_daemon_whose_driver_hangs_ends_when_it_is_told_to(machine):
    with machine.serve() as rouse:
        device(rouse, "gpu0")
        machine.becomes(before="hangs")
        device(rouse, "gpu0")
        rouse.process.terminate()
        assert rouse.process.wait(30) == 0


def test_bytes_that_do_not_come_back_stay_unconfirmed_until_they_do(machine):
    with machine.serve() as rouse:
        load(rouse, "a")
        until(lambda: rouse.model("a")["footprint"]["gpu0"] == 3 * GIB, "what it holds is measured")
        machine.becomes(first="lingers")
        receipt = unload(rouse, "a")
        assert not receipt["confirmed"], receipt
        assert device(rouse, "gpu0")["unconfirmed"] == 3 * GIB
        machine.becomes()
        until(lambda: device(rouse, "gpu0")["unconfirmed"] == 0, "they are seen back")
        assert device(rouse, "gpu0")["used_by_others"] == KEPT_BY_DRIVER


def test_the_hosts_memory_does_not_wait_for_the_gpus(machine):
    models = {"a": machine.program("first", 3, {"gpu0": "4GiB", "host": "700MiB"}),
              "c": machine.program("second", 1, {"gpu1": "1GiB", "host": "700MiB"})}
    with RouseDaemon({"budgets": {"host": {"limit": "1GiB"}}, "policy": {"settle": "1h"}, "models": models},
                     env={"ROUSE_DRIVER_LIBRARY": str(LIBRARY), "ROUSE_FAKE_DRIVER": str(machine.file)}) as rouse:
        load(rouse, "a")
        machine.becomes(first="lingers")
        receipt = unload(rouse, "a")
        assert not receipt["confirmed"] and list(receipt["missing"]) == ["gpu0"], receipt
        assert receipt["freed"]["host"] > 1 << 20 and receipt["freed"].get("gpu0", 0) == 0, receipt
        assert device(rouse, "host")["unconfirmed"] == 0
        load(rouse, "c")


def test_what_a_worker_takes_of_a_gpu_that_it_was_not_given_counts_as_others(machine):
    stray = machine.program("second", 5, {"gpu0": "1GiB"})
    with machine.serve(a=stray, b=machine.program("first", 4, {"gpu1": "4GiB"})) as rouse:
        load(rouse, "a")
        until(lambda: device(rouse, "gpu1")["used_by_others"] == 5 * GIB, "it is seen")
        until(lambda: "a: takes 5 GiB of gpu1, which its footprint does not name" in rouse.text(), "the log says so")
        status, _, body = rouse.ask("POST", "/rouse/v1/models/b/load", headers={"X-Rouse-Deadline": "200ms",
                                                                                "Content-Type": "application/json"})
        assert status == 504, body  # there are no 4 GiB
        assert rouse.state("a") == "ready"


def test_a_reservation_waits_for_the_driver_and_is_told_of_a_gpu_that_is_lost(machine):
    with machine.serve() as rouse:
        wish = {"device": "gpu0", "bytes": "1GiB", "seconds": 600}
        assert rouse.post("/rouse/v1/reservations", wish)[0] == 200  # the first that is asked of it
        machine.becomes(first="fails 15")
        until(lambda: device(rouse, "gpu0")["unavailable"], "it is lost")
        status, headers, body = rouse.post("/rouse/v1/reservations", wish)
        assert status == 503 and "gpu0 cannot be used now: GPU is lost" in body["error"]["message"], body


@pytest.mark.parametrize("how", ["hidden", "without-bytes", "mig"])
def test_where_nothing_is_attributed_the_whole_device_tells_what_came_back(machine, how):
    machine.becomes(first=how)
    with machine.serve() as rouse:
        load(rouse, "a")
        gpu = device(rouse, "gpu0")
        assert not gpu["attributed"] and gpu["used_by_models"] == 4 * GIB, gpu
        assert rouse.model("a")["footprint"]["gpu0"] == 4 * GIB  # as it was told
        assert unload(rouse, "a")["confirmed"]
        machine.becomes(first=f"{how}\nloose {5 * GIB}")
        assert device(rouse, "gpu0")["used_by_others"] == 5 * GIB + KEPT_BY_DRIVER
