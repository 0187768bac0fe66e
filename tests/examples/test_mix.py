"""Every example at once."""

from tests.examples import mix
from tests.examples.applications import all_models, prepare
from tests.integration.test_command import tree_of
from tests.support.rouse_daemon import RouseDaemon, until

SECONDS = 45


def test_a_daemon_with_all_of_them_is_ready_without_having_started_anything():
    prepare()
    models = all_models()
    with RouseDaemon({"models": models}) as rouse:
        assert rouse.ask("GET", "/health/ready")[0] == 200
        assert len(rouse.get("/rouse/v1/models")["models"]) == len(models)
        assert not rouse.loaded() and not tree_of(rouse)
        assert rouse.get("/rouse/v1/devices")["devices"][0]["used_by_models"] == 0


def test_a_mix_of_all_in_room_for_two_is_answered_and_leaves_nothing():
    with mix.daemon() as rouse:
        outcome = mix.play(rouse, seed=1, seconds=SECONDS)
        assert outcome.failures == [] and outcome.answered > 50
        assert sum(rouse.model(name)["loads"] for name in mix.MIXED) > len(mix.MIXED)  # they took turns
        for name in mix.MIXED:
            if rouse.state(name) != "cold":
                assert rouse.post(f"/rouse/v1/models/{name}/unload")[0] == 200
        until(lambda: not tree_of(rouse), "no process is left")
        device = rouse.get("/rouse/v1/devices")["devices"][0]
        assert device["used_by_models"] == 0, device
