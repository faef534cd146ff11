"""The table beside the peers, its picture, and what becomes of a peer that does not install or start."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.peers import install, known, table
from benchmarks.peers.servers import Place
from benchmarks.processes import Processes, free_port
from benchmarks.systems import Served, chat_request

FIGURES = {
    ("first", "direct", "over_direct_p50_ms"): [0, 0, 0],
    ("first", "aomi", "over_direct_p50_ms"): [6, 7, 20],
    ("first", "fastapi", "over_direct_p50_ms"): [4, 3.5, 5],
    ("first", "aegra", "over_direct_p50_ms"): [40, 40, 40],
    ("burst", "aomi", "tokens_a_s"): [4000, 4000, 4000],
}
RESULT = {
    "at": "2026-11-27T03:06:49.237268+00:00",
    "machine": {"cores": 2, "cpu": "AMD EPYC"},
    "versions": {"fastapi": "0.165.0", "litellm": "1.106.2"},
    "commit": "0123abc",
    "peers": {"aegra": "0.11.0"},
    "rounds": 3,
    "figures": [
        {"scenario": scenario, "system": system, "name": name, "round": number, "value": value}
        for (scenario, system, name), values in FIGURES.items()
        for number, value in enumerate(values, 1)
    ],
}


def test_a_row_has_the_medians_and_how_many_times_the_relays_they_are():
    ours, relay, aegra = table.rows(RESULT)
    assert (ours.title, ours.version, ours.keeps) == ("aomi-backend", "0123abc", "Redis")
    assert ours.cells == [("7", "x1.75"), ("", ""), ("", ""), ("4,000", ""), ("", "")]
    assert (relay.version, relay.cells[0]) == ("0.165.0", ("4", ""))
    assert (aegra.version, aegra.cells[0]) == ("0.11.0", ("40", "x10"))


def test_the_picture_is_drawn_from_a_file_of_a_run_with_what_the_table_says(tmp_path: Path):
    (tmp_path / "run.json").write_text(json.dumps(RESULT))
    said = results.beside_peers(tmp_path / "run.json")
    drawn = "".join(ElementTree.parse(tmp_path / "run.svg").getroot().itertext())
    for what in ("aomi-backend", "0123abc", "Aegra", "Postgres", "x1.75", "4,000", table.note(RESULT)):
        assert what in said
        assert what in drawn
    assert f"Drawn: {tmp_path / 'run.svg'}" in said


def test_a_run_without_such_figures_has_no_picture(tmp_path: Path):
    (tmp_path / "run.json").write_text(json.dumps(RESULT | {"figures": []}))
    assert "Drawn: nothing" in results.beside_peers(tmp_path / "run.json")
    assert not (tmp_path / "run.svg").exists()


def test_a_peer_that_is_not_there_or_does_not_start_is_left_out_in_one_line_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def dies(place: Place) -> Served:
        raise RuntimeError("dies did not start:\nTraceback\nValueError: no such port\n")

    def silent(place: Place) -> Served:
        return Served("silent", [free_port()], chat_request, {})

    monkeypatch.setattr(known, "ENVIRONMENTS", tmp_path)
    peers = [known.Peer("absent", "absent", dies), known.Peer("dies", "x", dies), known.Peer("silent", "x", silent)]
    monkeypatch.setattr(known, "PEERS", peers)
    for name in ("dies", "silent"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "installed.txt").touch()
    said: list[str] = []
    with Processes() as processes:
        assert known.start(processes, (0, 0), ["burst-1"], said.append) == []
    assert said[0] == "absent is left out: it is not installed (make bench-peers says why)"
    assert said[1] == "dies is left out: ValueError: no such port"
    assert said[2].startswith("silent is left out: ")
    assert "refused" in said[2]


def test_a_peer_that_does_not_install_is_named_and_the_next_one_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def never(place: Place) -> Served:
        raise AssertionError

    monkeypatch.setattr(known, "ENVIRONMENTS", tmp_path)
    monkeypatch.setattr(install, "PEERS", [known.Peer(name, name, never, (99, 0)) for name in ("agno", "aegra")])
    install.main()
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"{name} is left out, it does not install here: it needs Python 99.0 or newer, and there is none here"
        for name in ("agno", "aegra")
    ]


def test_every_peer_has_pinned_requirements():
    for peer in known.PEERS:
        assert f"\n{peer.package}==" in f"\n{peer.requirements.read_text()}"
