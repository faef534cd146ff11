"""A process in reloads: it checks, takes what all take, and catches up on what it has missed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace

import fakeredis
import pytest

from app import create_app
from app.catalog import digest_of
from app.config import Settings
from app.errors import ConfigError
from app.reloading import site
from app.reloading.watcher import ReloadWatcher
from app.services import build
from app.state.reloads import ProcessReport, Reloads
from app.state.scripts import Store
from app.web.current import services
from tests.support.patience import patient, until

FILE = "model_list:\n  - {{model_name: {}, litellm_params: {{model: demo/assistant}}}}\n"


@pytest.fixture
def redis():
    return fakeredis.FakeRedis(server=fakeredis.FakeServer(), lua_modules=set())


@pytest.fixture
def reloads(redis):
    return Reloads(Store(redis, Settings()))


@pytest.fixture
def process(tmp_path, reloads):
    """Makes a process with a file of its own: its `path`, its `watcher`, and the models that it has `taken`."""

    def start(name="p", model="old", refuses=""):
        made = SimpleNamespace(path=Path(tmp_path / f"{name}.yaml"), taken=[])
        made.path.write_text(FILE.format(model))

        def prepare(catalog):
            (model,) = catalog.models
            if model.model_name == refuses:
                raise ConfigError(f"aomi.yaml:2: no {refuses}\naomi.yaml:3: nor that")
            return lambda: made.taken.append(model.model_name)

        me = ProcessReport(name, "worker", digest_of(made.path))
        made.watcher = ReloadWatcher(reloads, me, made.path, prepare)
        made.watcher.look()
        return made

    return start


def said(reloads, name="p"):
    """Answer and problems of a process."""
    (report,) = (one for one in reloads.living() if one.name == name)
    return report.answer, list(report.problems)


def begin(reloads, process, reload_id, model):
    """Write the file of the process and ask for it."""
    process.path.write_text(FILE.format(model))
    assert reloads.begin(reload_id, digest_of(process.path), 60)
    return digest_of(process.path)


def test_a_checked_file_is_taken_when_all_take_it_and_not_before(reloads, process):
    one = process()
    digest = begin(reloads, one, "r1", "new")
    one.watcher.look()
    assert (said(reloads), one.taken) == (("checked", []), [])
    one.path.write_text("changed since, and invalid")
    reloads.take("r1", digest)
    one.watcher.look()
    one.watcher.look()
    assert (said(reloads), one.taken) == (("taken", []), ["new"])


def test_what_was_checked_and_dropped_is_never_taken(reloads, process):
    one = process()
    begin(reloads, one, "r1", "new")
    one.watcher.look()
    reloads.drop("r1")
    one.watcher.look()
    digest = begin(reloads, one, "r2", "newer")
    one.watcher.look()
    reloads.take("r2", digest)
    one.watcher.look()
    assert one.taken == ["newer"]


def test_a_refused_file_is_told_line_by_line(reloads, process):
    one = process(refuses="bad")
    begin(reloads, one, "r1", "bad")
    one.watcher.look()
    assert said(reloads) == ("refused", ["aomi.yaml:2: no bad", "aomi.yaml:3: nor that"])
    assert one.taken == []


def test_a_check_that_breaks_refuses_the_file_and_the_process_goes_on(reloads, process, monkeypatch):
    one = process()
    monkeypatch.setattr(one.watcher, "_prepare", lambda _: {}["missing"])
    begin(reloads, one, "r1", "new")
    one.watcher.look()
    answer, (line,) = said(reloads)
    assert (answer, "KeyError" in line) == ("refused", True)


def test_a_process_waits_for_its_own_copy_of_the_file(reloads, process):
    one, other = process(), process("other")
    digest = begin(reloads, one, "r1", "new")
    other.watcher.look()
    assert said(reloads, "other")[0] == "differs"
    other.path.write_text(FILE.format("new"))
    other.watcher.look()
    assert said(reloads, "other")[0] == "checked"
    reloads.take("r1", digest)
    other.watcher.look()
    assert other.taken == ["new"]


def test_a_process_that_was_away_during_all_of_it_takes_the_file_when_it_is_back(reloads, process):
    one = process()
    digest = begin(reloads, one, "r1", "new")
    reloads.take("r1", digest)
    reloads.begin("r2", "of a later reload", 60)
    reloads.drop("r2")
    one.watcher.look()
    assert (said(reloads)[0], one.taken) == ("taken", ["new"])


def test_a_process_that_starts_with_another_file_keeps_it(reloads, process):
    """As after an edit and a restart: the reload of before is no reason to go back, nor to warn."""
    digest = begin(reloads, process(), "r1", "new")
    reloads.take("r1", digest)
    late = process("late", model="newest")
    late.path.write_text(FILE.format("new"))
    late.watcher.look()
    assert (said(reloads, "late"), late.taken) == (("", []), [])


def test_a_process_that_starts_with_an_old_copy_says_so_and_takes_the_new_one_as_soon_as_it_has_it(
    reloads, process, caplog
):
    """As a pod whose ConfigMap is on its way."""
    one = process()
    digest = begin(reloads, one, "r1", "new")
    one.watcher.look()
    reloads.take("r1", digest)
    late = process("late")
    assert "takes the other one as soon as its file is that" in caplog.text
    late.watcher.look()
    assert (said(reloads, "late")[0], late.taken) == ("differs", [])
    late.path.write_text(FILE.format("new"))
    late.watcher.look()
    assert (said(reloads, "late")[0], late.taken) == ("taken", ["new"])


def test_a_copy_that_is_a_link_is_read_where_it_points_to_now(reloads, process, tmp_path):
    """As in a volume of a ConfigMap: `..data` is a link that is replaced."""
    one = process()
    for version, model in (("v1", "old"), ("v2", "new")):
        (tmp_path / version).mkdir()
        (tmp_path / version / "aomi.yaml").write_text(FILE.format(model))
    (tmp_path / "..data").symlink_to("v1")
    one.path.unlink()
    one.path.symlink_to("..data/aomi.yaml")
    reloads.begin("r1", digest_of(tmp_path / "v2" / "aomi.yaml"), 60)
    one.watcher.look()
    assert said(reloads)[0] == "differs"
    (tmp_path / "..data_tmp").symlink_to("v2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    one.watcher.look()
    assert said(reloads)[0] == "checked"


def test_the_same_file_is_taken_without_work(reloads, process):
    one = process(refuses="old")
    reloads.take("r1", begin(reloads, one, "r1", "old"))
    one.watcher.look()
    assert (said(reloads)[0], one.taken) == ("taken", [])


@pytest.fixture
def running(process):
    """Makes processes that look for reloads by themselves."""
    made = []

    def start(*names, refuses=""):
        made.extend(process(name, refuses=refuses) for name in names)
        for one in made:
            one.watcher.start()
        return made

    yield start
    for one in made:
        one.watcher.stop()


def test_none_takes_what_one_refuses_and_all_take_what_all_accept(reloads, running):
    processes = running("one", "other", refuses="bad")
    for one in processes:
        one.path.write_text(FILE.format("bad"))
    refused = site.reload(reloads, processes[0].path, patient(20))
    assert refused.end == "unchanged"
    assert refused.problems == [
        f"aomi.yaml:{line} (says worker one, worker other)" for line in ("2: no bad", "3: nor that")
    ]
    for one in processes:
        one.path.write_text(FILE.format("good"))
    taken = site.reload(reloads, processes[0].path, patient(20))
    assert (taken.end, [one.name for one in taken.processes]) == ("taken", ["one", "other"])
    assert [one.taken for one in processes] == [["good"]] * 2


@pytest.mark.long
def test_a_copy_that_differs_and_a_process_that_is_silent_are_named(reloads, running, monkeypatch):
    monkeypatch.setattr("app.state.reloads.LIVE_SECONDS", 3600.0)
    one, other = running("one", "other")
    reloads.report(ProcessReport("hung", "web", "d"))
    one.path.write_text(FILE.format("new"))
    ended = site.reload(reloads, one.path, wait=patient(3))
    assert ended.end == "unchanged"
    assert "web hung has not answered" in ended.problems
    differs = f"worker other reads another file: its AOMI_CONFIG has the digest {site.short(digest_of(other.path))}"
    assert differs in ended.problems
    assert reloads.last().phase == "dropped"
    assert one.taken == []


def test_a_file_that_is_on_its_way_here_is_waited_for(reloads, running, tmp_path):
    (one,) = running("one")
    new = FILE.format("new").replace("\n", "\r\n").encode()
    wanted = hashlib.sha256(new).hexdigest()[:12]
    late = site.reload(reloads, one.path, wait=0.1, wanted=wanted)
    assert late.problems == [f"{one.path} has the digest {site.short(digest_of(one.path))}, not {wanted}"]
    one.path.write_bytes(new)
    assert site.reload(reloads, one.path, patient(20), wanted).end == "taken"
    assert one.taken == ["new"]


def test_without_any_process_nothing_is_taken(reloads, tmp_path):
    (tmp_path / "aomi.yaml").write_text(FILE.format("new"))
    assert site.reload(reloads, tmp_path / "aomi.yaml").problems == [site.NO_PROCESS]
    assert reloads.last().taken == ""


def test_a_request_has_the_same_apps_and_models_to_its_end(redis, tmp_path):
    path = tmp_path / "aomi.yaml"
    path.write_text(FILE.format("old"))
    app = create_app(build(Settings(_env_file=None, config=path), redis, redis, redis))
    watcher = app.extensions["aomi_reload_watcher"]
    watcher.look()
    reloads = Reloads(Store(redis, Settings()))

    def models():
        return [model.model_name for model in services().catalog.models]

    with app.test_request_context():
        assert models() == ["old"]
        path.write_text(FILE.format("new"))
        reloads.begin("r1", digest_of(path), 60)
        reloads.take("r1", digest_of(path))
        watcher.look()
        assert models() == ["old"]
    with app.test_request_context():
        assert models() == ["new"]
        assert services().call_answers.catalog is services().catalog


def test_a_process_says_which_tools_it_has_and_no_longer_when_it_stops(reloads, process):
    made = process()
    tools = ["one"]
    made.watcher._tools = lambda: list(tools)
    made.watcher.look()
    tools.append("two")
    made.watcher.look()
    (report,) = reloads.heard()
    assert report.tools == ["one", "two"]
    made.watcher.start()
    made.watcher.stop()
    until(lambda: reloads.heard() == [])
