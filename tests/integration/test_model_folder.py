"""A folder of models that come and go while it is served: taken when they are whole, and without asking anybody."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gguf import GGUFReader, GGUFValueType, GGUFWriter

from tests.support import demo_models
from tests.support.rouse_daemon import RouseDaemon, alive, held, until


@pytest.fixture(scope="session")
def models():
    return demo_models.paths()


@pytest.fixture
def folder(tmp_path, models) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(models.text, folder / "first.gguf")
    return folder


def names(rouse) -> list[str]:
    return [model["id"] for model in rouse.get("/rouse/v1/models")["models"]]


def until_names(rouse, *expected: str):
    until(lambda: names(rouse) == list(expected), f"the models are {expected}: {rouse.text()}")


def until_told(rouse, words: str):
    until(lambda: words in rouse.text(), f"the log says {words!r}")


def until_watching(rouse, folder: Path):
    """A model that comes is noticed, and its going: so that what follows is heard from its first event on."""
    (folder / "probe.gguf").symlink_to(folder / "first.gguf")
    until(lambda: "probe" in names(rouse), "the folder is watched")
    (folder / "probe.gguf").unlink()
    until(lambda: "probe" not in names(rouse), "what goes is noticed")


def move_in(source: Path, to: Path):
    """As a careful program brings a file: whole, by a rename."""
    part = to.with_name(to.name + ".part")
    shutil.copy(source, part)
    part.rename(to)


def test_models_come_and_go_and_are_served(folder, models):
    with RouseDaemon(models=folder) as rouse:
        until_names(rouse, "first")
        shutil.copy(models.embedding, folder / "copied.gguf")
        until_names(rouse, "copied", "first")
        move_in(models.text, folder / "moved.gguf")
        until_names(rouse, "copied", "first", "moved")
        assert rouse.chat("moved")[0] == 200
        pid = rouse.model("moved")["pid"]
        (folder / "moved.gguf").unlink()
        (folder / "copied.gguf").unlink()
        until_names(rouse, "first")
        assert not alive(pid)
        assert rouse.chat("moved")[0] == 404
        until_told(rouse, f"{folder} has changed: removed")


def test_a_file_that_is_still_being_written_is_no_model(folder, models):
    whole = models.text.read_bytes()
    with RouseDaemon(models=folder) as rouse:
        until_watching(rouse, folder)
        with open(folder / "slow.gguf", "wb") as slow:
            slow.write(whole)
            slow.flush()
            shutil.copy(models.text, folder / "other.gguf")
            until_names(rouse, "first", "other")
        until_names(rouse, "first", "other", "slow")


def test_a_file_that_is_of_no_use_is_left_out_and_said_so_once_until_it_is(folder, models):
    with RouseDaemon(models=folder) as rouse:
        half = models.text.read_bytes()[:100_000]
        (folder / "half.gguf").write_bytes(half)
        until_told(rouse, "left out")
        (line,) = [line for line in rouse.log if "left out" in line]
        assert f"{folder}/half.gguf: " in line and "cut off" in line, line
        shutil.copy(models.text, folder / "next.gguf")
        until_names(rouse, "first", "next")
        assert rouse.text().count("left out") == 1
        shutil.copy(models.text, folder / "half.gguf")
        until_names(rouse, "first", "half", "next")
        assert rouse.chat("half")[0] == 200


def test_a_file_that_takes_the_place_of_another_is_loaded_anew_and_nothing_is_cut(folder, models):
    with RouseDaemon(models=folder) as rouse:
        assert rouse.chat("first")[0] == 200
        pid = rouse.model("first")["pid"]
        with ThreadPoolExecutor() as pool:
            with held(pid):
                running = pool.submit(rouse.chat, "first")
                until(lambda: rouse.model("first")["leases"] == 1, "it is being answered")
                move_in(models.embedding, folder / "first.gguf")
                until(lambda: rouse.state("first") == "draining", "its worker answers to the end")
            assert running.result()[0] == 200
        until_told(rouse, f"{folder} has changed: changed first")
        until(lambda: not alive(pid), "the worker of the old file has ended")
        move_in(models.text, folder / "first.gguf")
        assert rouse.chat("first")[0] == 200


def test_what_was_broken_at_the_start_is_served_when_it_is_whole(folder, models):
    (folder / "first.gguf").write_bytes(b"GGUF")
    with RouseDaemon(models=folder) as rouse:
        assert rouse.chat("first")[0] == 502
        move_in(models.text, folder / "first.gguf")
        until(lambda: rouse.state("first") == "cold", "it is looked at again")
        assert rouse.chat("first")[0] == 200


def test_folders_below_are_models_of_their_name_as_soon_as_they_are_whole(folder, models):
    with RouseDaemon(models=folder) as rouse:
        until_watching(rouse, folder)
        below = folder / "gemma" / "it"
        below.mkdir(parents=True)
        shutil.copy(models.vision, below / "gemma-Q4_0.gguf")
        until_names(rouse, "first", "gemma/it")
        move_in(models.mmproj, below / "mmproj-F16.gguf")
        until_told(rouse, "changed gemma/it")  # its projector is noticed
        cache = folder / "models--org--name"
        (cache / "blobs").mkdir(parents=True)
        shutil.copy(models.text, cache / "blobs" / "0123")
        snapshot = cache / "snapshots" / "abcd"
        snapshot.mkdir(parents=True)
        (snapshot / "name-Q8_0.gguf").symlink_to("../../blobs/0123")
        until_names(rouse, "first", "gemma/it", "org/name")
        assert rouse.chat("org/name")[0] == 200
        (folder / "clip").mkdir()
        (folder / "clip" / "model.safetensors").touch()
        (folder / "clip" / "config.json").touch()
        until_told(rouse, f"left out: {folder}/clip: a model in Hugging Face's own format")
        shutil.rmtree(folder / "gemma")
        until_names(rouse, "first", "org/name")


def test_a_folder_that_is_linked_in_and_taken_away_again_is_heard_of(folder, models, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(models.text, elsewhere / "LOUD.GGUF")
    with RouseDaemon(models=folder) as rouse:
        until_watching(rouse, folder)
        (folder / "linked").symlink_to(elsewhere)
        until_names(rouse, "first", "linked")
        (folder / "linked").unlink()
        until_names(rouse, "first")


def test_what_a_link_leads_to_elsewhere_comes_changes_and_goes(folder, models, tmp_path):
    elsewhere = tmp_path / "disk"
    elsewhere.mkdir()
    (folder / "linked.gguf").symlink_to(elsewhere / "model.gguf")
    with RouseDaemon(models=folder) as rouse:
        until_watching(rouse, folder)
        assert names(rouse) == ["first"]
        shutil.copy(models.text, elsewhere / "model.gguf")
        until_names(rouse, "first", "linked")
        assert rouse.chat("linked")[0] == 200
        worker = rouse.model("linked")["pid"]
        move_in(models.demo, elsewhere / "model.gguf")
        until(lambda: rouse.chat("linked")[0] == 200 and rouse.model("linked")["pid"] != worker, "the new one answers")
        (elsewhere / "model.gguf").unlink()
        until_names(rouse, "first")


def test_a_model_in_parts_is_one_when_all_of_them_are_there(folder, models):
    with RouseDaemon(models=folder) as rouse:
        until_watching(rouse, folder)
        move_in(models.text, folder / "big-00002-of-00002.gguf")
        until_told(rouse, f"left out: {folder}/big: 1 of its 2 parts are there; big-00001-of-00002.gguf is missing")
        assert names(rouse) == ["first"]


def in_parts(source: Path, folder: Path, name: str) -> list[Path]:
    """As llama-gguf-split has them: only the first says what model they are."""
    whole = GGUFReader(source)
    tensors = len(whole.tensors)
    writer = GGUFWriter(folder / f"{name}.gguf", whole.get_field("general.architecture").contents(),
                        split_max_tensors=(tensors + 2) // 3)
    for field in whole.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        kind = field.types[0]
        writer.add_key_value(field.name, field.contents(), kind,
                             sub_type=field.types[-1] if kind == GGUFValueType.ARRAY else None)
    for tensor in whole.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return sorted(folder.glob(f"{name}-*.gguf"))


def test_a_model_in_parts_is_served_and_goes_with_any_of_them(folder, models, tmp_path):
    parts = in_parts(models.demo, tmp_path, "parts")
    assert len(parts) == 3
    with RouseDaemon(models=folder) as rouse:
        until_watching(rouse, folder)
        for part in parts:
            move_in(part, folder / part.name)
        until_names(rouse, "first", "parts")
        assert rouse.chat("parts")[0] == 200
        (folder / parts[1].name).unlink()
        until_names(rouse, "first")


def test_a_part_in_another_s_place_is_named(models, tmp_path):
    parts = in_parts(models.demo, tmp_path, "parts")
    served = {name: {"engine": "llama", "source": str(part)} for name, part in zip(["first", "second"], parts)}
    with RouseDaemon({"models": served}) as rouse:
        status, _, answer = rouse.chat("second")
        assert status == 502 and "in 3 parts: name the first" in answer["error"]["message"]
        assert f"{parts[0]} instead of {parts[1]}" in rouse.text()
        shutil.copy(parts[2], parts[1])
        status, _, answer = rouse.chat("first")
        assert status == 502 and "calls itself part 3 of 3" in answer["error"]["message"]
        assert str(parts[1]) in rouse.text()


def test_the_folder_itself_may_go_and_come_back(folder, models):
    with RouseDaemon(models=folder) as rouse:
        until_watching(rouse, folder)
        away = folder.with_name("away")
        folder.rename(away)
        until_names(rouse)
        until_told(rouse, f"{folder} is gone")
        away.rename(folder)
        until_names(rouse, "first")
        until_told(rouse, f"{folder} is back")
        shutil.rmtree(folder)
        until_names(rouse)
        folder.mkdir()
        shutil.copy(models.text, folder / "second.gguf")
        until_names(rouse, "second")
        assert rouse.chat("second")[0] == 200


def test_many_changes_at_once_are_taken_together(folder, models):
    with RouseDaemon(models=folder) as rouse:
        until_watching(rouse, folder)
        before = rouse.text().count("has changed")
        for number in range(200):
            (folder / f"link-{number:03}.gguf").symlink_to(folder / "first.gguf")
        until(lambda: len(names(rouse)) == 201, "all of them are there")
        assert rouse.text().count("has changed") - before < 20
