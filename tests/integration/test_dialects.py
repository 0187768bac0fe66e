"""Every way to ask: dialects, forms, fields, aliases."""

import pytest

from tests.support import demo_models
from tests.support.rouse_daemon import RouseDaemon


@pytest.fixture(scope="module")
def models():
    return demo_models.paths()


@pytest.fixture(scope="module")
def rouse(models):
    llama = {"engine": "llama", "context": 1024, "threads": 1}
    config = {
        "budgets": {"host": {"limit": "8GiB"}},
        "models": {
            "org/demo": {**llama, "source": str(models.demo), "aliases": ["gpt-4o-mini", "other/name"]},
            "plain": {**llama, "source": str(models.text)},
        },
    }
    with RouseDaemon(config) as daemon:
        yield daemon


# --- names and fields ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["org/demo", "gpt-4o-mini", "other/name"])
def test_a_model_answers_to_its_id_and_to_each_alias(rouse, name):
    assert rouse.chat(name)[0] == 200
    assert rouse.chat(name, headers={"X-Model": "org/demo"})[0] == 200


def test_the_header_alone_names_the_model(rouse):
    status, _, _ = rouse.post("/v1/completions", {"prompt": "a", "max_tokens": 1}, headers={"X-Model": "other/name"})
    assert status == 200


def test_a_header_that_names_another_model_is_400(rouse):
    status, _, body = rouse.chat("org/demo", headers={"X-Model": "plain"})
    assert status == 400
    assert body["error"]["param"] == "model"


def test_keep_alive_in_the_body_gives_the_model_back(rouse):
    assert rouse.chat("plain", keep_alive="forever")[0] == 200
    assert rouse.model("plain")["expires_at"] is None
    assert rouse.chat("plain", keep_alive=0)[0] == 200
    rouse.until_state("plain", "cold")


def test_a_deadline_in_the_body_is_obeyed(rouse):
    status, _, body = rouse.chat("plain", deadline=1e-6)
    assert status == 504, body


def test_fields_that_contradict_headers_are_400(rouse):
    status, _, body = rouse.chat("plain", keep_alive="5m", headers={"X-Rouse-Keep": "6m"})
    assert status == 400
    assert "keep_alive" in body["error"]["message"]
    assert rouse.chat("plain", priority="urgent")[0] == 400
