"""Applications as their authors wrote them, behind Rouse as they are."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.examples.applications import (
    APPLICATIONS, EXAMPLES, NEIGHBOUR, alone, get, neighbour, photos, picture, prepare, room_for, serving)
from tests.examples.direct import own_port
from tests.integration.test_application import home
from tests.integration.test_command import tree_of, until_nothing_is_left
from tests.support.exchanges import answer
from tests.support.rouse_daemon import ROUSE, RouseDaemon, until

CROWD = 200
RECORDED = 40  # as many as 200 in bench/examples.py


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.fixture(scope="module", params=["cad", "flux", "detection", "clip", "assistant-page"])
def world(request):
    example = APPLICATIONS[request.param].example
    prepare(example)
    with RouseDaemon({"models": {request.param: alone(request.param)}}) as rouse:
        yield rouse, request.param
        rouse.post(f"/rouse/v1/models/{request.param}/unload")
        until_nothing_is_left(rouse, request.param)


def test_many_first_requests_start_one_process_tree_and_are_all_answered(world):
    rouse, name = world
    cheap, port = APPLICATIONS[name].cheap, home(rouse, name)
    assert rouse.state(name) == "cold" and not tree_of(rouse)
    with ThreadPoolExecutor(CROWD) as pool:
        answers = list(pool.map(lambda _: answer(port, cheap), range(CROWD)))
    assert [one["status"] for one in answers] == [200] * CROWD
    assert len({one["body"] for one in answers}) == 1
    assert rouse.model(name)["loads"] == 1
    assert len(children(rouse.process.pid)) == 1


def test_answers_are_those_of_the_application_asked_directly(world):
    rouse, name = world
    application, listen = APPLICATIONS[name], home(rouse, name)
    assert answer(listen, application.cheap)["status"] == 200
    direct = own_port(tree_of(rouse))
    for request in application.recorded(seed=7, count=RECORDED):
        itself = answer(direct, request)
        assert answer(listen, request) == itself, request
        assert answer(rouse.port, request.below(f"/rouse/v1/models/{name}/app")) == itself, request


# --- detection ----------------------------------------------------------------------------------------------------


def test_a_server_with_three_workers_loads_its_weights_three_times_and_one_with_one_once():
    with serving("detection") as rouse:
        for name, loads in (("detection", 1), ("detection-three-workers", 3)):
            assert answer(home(rouse, name), APPLICATIONS["detection"].typical)["status"] == 200
            loaded = until(lambda: (found := set(re.findall(r"process (\d+) has loaded the weights",
                                    rouse.get(f"/rouse/v1/models/{name}/logs?lines=1000")))) and len(found) >= loads and found,
                           f"{name} has loaded {loads} times")
            assert len(loaded) == loads
            assert rouse.model(name)["loads"] == 1  # one start, whatever it does then
        held = until(lambda: rouse.model("detection-three-workers")["duplicates"], "that they hold the same is noticed")
        assert held["processes"] == 3 and rouse.model("detection")["duplicates"] is None, held


# --- pictures -----------------------------------------------------------------------------------------------------


def test_every_model_is_listed_before_any_is_loaded():
    with serving("pictures") as rouse:
        assert {model["id"] for model in rouse.get("/v1/models")["data"]} == {"sd3", "flux", "sdxl"}
        assert {model["state"] for model in rouse.get("/rouse/v1/models")["models"]} == {"cold"}
        assert not tree_of(rouse)


def test_a_model_stays_as_long_as_its_policy_says_and_none_when_another_wants_its_memory():
    with serving("pictures", budgets={"host": {"limit": "500MiB"}}) as rouse:  # room for one
        for name in ("sd3", "flux", "sdxl", "flux"):
            assert answer(home(rouse, name), APPLICATIONS[name].typical)["status"] == 200
            if name == "sd3":
                rouse.until_state(name, "cold")
            else:
                assert rouse.state(name) == "ready"
                assert rouse.model(name)["keep_forever"] == (name == "sdxl")
                assert [model["id"] for model in rouse.loaded()] == [name]
        assert [rouse.model(name)["loads"] for name in ("sd3", "flux", "sdxl")] == [1, 2, 1]


def test_a_neighbour_that_does_not_ask_gets_what_it_takes():
    with serving("pictures", budgets=room_for(1500)) as rouse:  # whatever else comes and goes meanwhile
        assert answer(home(rouse, "sdxl"), APPLICATIONS["sdxl"].typical)["status"] == 200
        assert rouse.model("sdxl")["keep_forever"]
        with neighbour(3000):
            rouse.until_state("sdxl", "cold")
        assert answer(home(rouse, "sdxl"), APPLICATIONS["sdxl"].typical)["status"] == 200
        assert rouse.model("sdxl")["loads"] == 2


def test_a_neighbour_that_asks_gets_what_it_wants_and_whatever_it_took_comes_back():
    """A program that asks before it takes: idle models leave for it, whatever their policy, and come back when it ends."""
    with serving("pictures", budgets={"host": {"limit": "1GiB"}}) as rouse:  # room for two
        for name in ("flux", "sdxl"):
            assert answer(home(rouse, name), APPLICATIONS[name].typical)["status"] == 200
        assert len(rouse.loaded()) == 2
        neighbour = subprocess.run([ROUSE, "reserve", "900MiB", "--", sys.executable, NEIGHBOUR, "850"], check=True,
                                   input="", stdout=subprocess.PIPE, text=True, env={**os.environ, "ROUSE_HOST": rouse.url})
        assert neighbour.stdout == "the neighbour has 850 MiB\n"
        assert not rouse.loaded()
        assert answer(home(rouse, "flux"), APPLICATIONS["flux"].typical)["status"] == 200
        assert [rouse.model(name)["loads"] for name in ("flux", "sdxl")] == [2, 1]


# --- photo search -------------------------------------------------------------------------------------------------


def loads(rouse) -> list[int]:
    return [rouse.model(name)["loads"] for name in ("clip", "blip")]


def test_indexing_a_folder_loads_each_model_once_and_each_for_every_picture_only_in_naive_order(tmp_path):
    for seed in range(2):
        (tmp_path / f"{seed}.png").write_bytes(picture(seed))
    with serving("photo-search") as rouse:
        assert photos(rouse, "index", tmp_path, "--database", tmp_path / "db") == "2 pictures\n"
        assert loads(rouse) == [1, 1]
        found = photos(rouse, "search", "a red dog", "--database", tmp_path / "db").splitlines()
        assert len(found) == 2 and found == sorted(found, reverse=True)
        assert loads(rouse) == [2, 1]
        photos(rouse, "index", tmp_path, "--order", "naive", "--database", tmp_path / "another")
        assert loads(rouse) == [3, 3]  # clip was there for the first picture


def test_indexing_leaves_out_what_cannot_be_read_and_asks_again_for_nothing_that_it_knows(tmp_path):
    (tmp_path / "good.png").write_bytes(picture(1))
    (tmp_path / "cut.png").write_bytes(picture(2)[:-200])
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    index = "index", tmp_path, "--database", tmp_path / "db"
    with serving("photo-search") as rouse:
        *left_out, known = photos(rouse, *index).splitlines()
        assert known == "1 pictures"
        assert [line.split(":")[1].rpartition("/")[2] for line in left_out] == ["cut.png", "text.jpg"]
        assert loads(rouse) == [1, 1]
        (tmp_path / "cut.png").unlink(), (tmp_path / "text.jpg").unlink()
        assert photos(rouse, *index) == "1 pictures\n"
        assert loads(rouse) == [1, 1], "it asked for nothing"


# --- the assistant on Flask ---------------------------------------------------------------------------------------


def test_who_comes_while_it_loads_sees_how_far_it_is_or_waits_and_all_join_one_load():
    prepare("assistant-flask")
    with RouseDaemon({"models": {"cad": alone("cad")}}) as rouse, ThreadPoolExecutor(3) as pool:
        port = home(rouse, "cad")
        waiting = [pool.submit(answer, port, APPLICATIONS["cad"].typical) for _ in range(3)]
        until(lambda: rouse.model("cad")["waiting"] == 3, "they wait")
        page = answer(port, get("/", Accept="text/html"))
        assert page["status"] == 503 and b"cad is waking" in page["body"]
        told = json.loads(answer(port, get("/", Accept="text/html", X_Rouse_Progress="json"))["body"])
        assert told["state"] == "loading" and told["waiting"] >= 3
        assert [one.result()["status"] for one in waiting] == [200] * 3
        assert b"<h1>CAD assistant</h1>" in answer(port, get("/", Accept="text/html"))["body"]
        assert rouse.model("cad")["loads"] == 1


def test_another_server_answers_until_the_one_with_the_adapter_is_there():
    with serving("assistant-flask") as rouse:
        rouse.until_state("cad-plain", "ready")
        port, request = home(rouse, "cad"), APPLICATIONS["cad"].typical
        assert answer(port, request)["status"] == 200
        assert rouse.model("cad")["loads"] == 0  # it was not that one
        rouse.until_state("cad", "ready")
        assert answer(port, request)["status"] == 200
        assert [rouse.model(name)["loads"] for name in ("cad", "cad-plain")] == [1, 1]
        assert 'served_by="cad-plain"' in rouse.get("/metrics")


def test_one_that_is_loaded_in_the_background_at_the_start_is_joined():
    prepare("assistant-flask")
    with RouseDaemon({"models": {"cad": {**alone("cad"), "preload": True}}}) as rouse:
        assert rouse.ask("GET", "/health/ready")[0] == 200
        assert rouse.state("cad") == "loading"
        assert answer(home(rouse, "cad"), APPLICATIONS["cad"].cheap)["status"] == 200
        assert rouse.model("cad")["loads"] == 1


def test_it_does_without_the_adapter_where_it_is_told_to():
    with RouseDaemon({"models": {name: alone(name) for name in ("cad", "cad-plain")}}) as rouse:
        said = [json.loads(answer(home(rouse, name), APPLICATIONS["cad"].typical)["body"]) for name in ("cad", "cad-plain")]
        assert [one["finetuned"] for one in said] == [True, False]
        assert said[0]["answer"] != said[1]["answer"]


# --- the assistant on llama.cpp -----------------------------------------------------------------------------------


def test_the_assistant_is_loaded_at_the_start_sees_pictures_and_answers_with_what_there_is(tmp_path):
    (tmp_path / "a.png").write_bytes(picture(1))

    def ask(*arguments: object) -> str:
        return subprocess.run([sys.executable, EXAMPLES / "assistant-llama" / "assistant.py", *map(str, arguments)],
                              check=True, capture_output=True, text=True, env={**os.environ, "ROUSE_URL": rouse.url}).stdout

    with serving("assistant-llama") as rouse:
        rouse.until_state("assistant", "ready")
        assert "Rouse" in ask("What is Rouse?")
        assert ask("What is this?", "--picture", tmp_path / "a.png", "--longest", 8).strip()
        assert [rouse.model(name)["loads"] for name in ("assistant", "assistant-vision")] == [1, 1]
        late = ask("Go on.", "--picture", tmp_path / "a.png", "--deadline", "100ms", "--longest", 1500)
        assert late.endswith("[the deadline passed; this is what there was]\n") and len(late.splitlines()[0]) > 1
        command = Path(f"/proc/{rouse.model('assistant')['pid']}/cmdline").read_bytes()
        assert b"mmap+mlock" in command
