"""Frames of a run, what other programs read of them, and cells that come from AnnData."""

from __future__ import annotations

import base64
import json
import re
import struct
import sys
import zlib
from importlib.util import find_spec
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exosome.app import tissue_exports
from exosome.app.cli import main
from exosome.app.scenarios import engine_asked
from exosome.app.tissue import run_tissue
from exosome.catalog.load import load_catalog
from exosome.core.errors import InputError
from exosome.numerics.brownian import FREE
from exosome.study.near_and_far import run
from exosome.study.space_plan import plan
from exosome.study.space_scenario import read_scenario
from exosome.tissue import frames
from exosome.tissue.frames import LOST, ON_THE_WAY, STATES, TAKEN, TAKEN_BACK, Frames, is_kept
from exosome.tissue.space import State, windows

SCENARIO = """
schema_version = 1
[tissue]
edge = "120 um"
cell_fraction = 0.15
[senders]
type = "{type}"
count = 2
[run]
duration = "2 h"
windows = {windows}
"""


def planned(folder, windows=7, kind="mcf7"):
    path = folder / "small.toml"
    path.write_text(SCENARIO.format(windows=windows, type=kind))
    return plan(read_scenario(str(path)), load_catalog(()), seed=1)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return run(planned(tmp_path_factory.mktemp("space"), kind="monocyte"), workers=2)


@pytest.fixture(scope="module")
def kinds(result):
    held = list(result.plan.layout.kinds)
    for sender in result.plan.senders:
        held[int(sender)] = "sender"
    return held


# Frames


@given(count=st.integers(1, 10_000))
def test_kept_frames_are_even_and_end_with_the_last_window(count):
    kept = [0, *(w for w in range(1, count + 1) if is_kept(w, count))]
    assert len(kept) - 1 == min(count, frames.MOST_FRAMES)
    assert kept[-1] == count
    gaps = np.diff(kept)
    assert gaps.max() - gaps.min() <= 1


@given(
    few=st.sets(st.integers(0, 5_000), max_size=300),
    more=st.sets(st.integers(0, 5_000), max_size=300),
    most=st.integers(1, 100),
)
def test_who_is_kept_among_many_is_kept_among_fewer(few, more, most):
    def kept(slots):
        held = np.array(sorted(slots), np.int64)
        return set(held[frames.thinned(held, most)].tolist())

    assert len(kept(few | more)) <= most
    assert kept(few | more) & few <= kept(few)


def test_a_film_shows_every_vesicle_once_where_it_ended(result):
    film, sent = result.film, result.sent
    moments = film.moments()
    assert len(moments) == 8
    assert [round(one.time_s) for one in moments[::7]] == [0, 7200]
    ended = np.concatenate([one.slot[one.became != ON_THE_WAY] for one in moments])
    assert sorted(ended) == np.flatnonzero(result.state.fate != FREE).tolist()
    for one in moments:
        free = one.became == ON_THE_WAY
        assert one.free == free.sum()
        assert (sent.time_s[one.slot] <= one.time_s).all()
        assert (result.state.end_s[one.slot[free]] >= one.time_s).all()
        assert np.allclose(one.position_um[~free], result.state.end_um[one.slot[~free]])
        away = np.linalg.norm(
            one.position_um[free][:, None] - result.plan.layout.centres_um, axis=2
        )
        assert (away > result.plan.layout.radii_um - 1e-3).all()  # outside of cells
    counts = np.sum([np.bincount(one.became, minlength=len(STATES)) for one in moments], axis=0)
    fate = result.state.fate
    assert counts[LOST] == (fate == -2).sum()
    assert counts[TAKEN] == ((fate >= 0) & (fate != sent.sender)).sum()
    assert counts[TAKEN_BACK] == (fate == sent.sender).sum()
    assert counts[TAKEN] > 0


def test_what_cells_took_up_by_each_frame_ends_with_the_result(result):
    cells = len(result.plan.layout)
    vesicles, copies = result.film.taken(cells), result.film.copies_taken(cells)
    assert (vesicles[-1] == result.uptake).all()
    assert (copies[-1] == result.copies_taken).all()
    assert (np.diff(vesicles, axis=0) >= 0).all()
    assert vesicles[0].sum() == 0
    middle = (result.state.fate >= 0) & (result.state.end_s <= result.film.time_s[3])
    assert vesicles[3].sum() == middle.sum()


def test_followed_vesicles_start_together_and_none_is_lost_sight_of(result):
    moments = result.followed.moments()
    sent = result.followed.sent
    assert len(moments) == frames.MOST_FRAMES + 1
    assert moments[0].free == len(sent) <= frames.MOST_DRAWN
    assert np.allclose(moments[0].position_um, sent.start_um, atol=1e-4)
    ended = sum((one.became != ON_THE_WAY).sum() for one in moments)
    assert ended + moments[-1].free == len(sent)
    # From frame to frame a vesicle is the same one: it moves by diffusion, not across the box.
    first, second = moments[1], moments[2]
    both, i, j = np.intersect1d(first.slot, second.slot, return_indices=True)
    moved = np.linalg.norm(first.position_um[i] - second.position_um[j], axis=1)
    step = np.sqrt(6.0 * sent.diffusivity_um2_per_s[both] * (second.time_s - first.time_s))
    assert 0.3 < np.mean(moved / step) < 1.1  # 0.92 in free space; cells stand in the way


def test_frames_are_read_only_and_few_whatever_is_sent(result, tmp_path, monkeypatch):
    monkeypatch.setattr(frames.thinned, "__defaults__", (16,))
    again = planned(tmp_path, kind="monocyte")
    thin = run(again, workers=1)
    assert thin.state.fate.tobytes() == result.state.fate.tobytes()
    assert thin.state.end_um.tobytes() == result.state.end_um.tobytes()
    assert thin.film.frames.counts.max() <= 16
    assert all(one.slot.size <= 32 for one in thin.film.moments())
    assert [one.free for one in thin.film.moments()] == [one.free for one in result.film.moments()]


@settings(max_examples=5, deadline=None)
@given(cut=st.integers(1, 6))
def test_frames_cut_and_taken_up_again_are_the_same_bytes(result, cut):
    held = result.plan
    from exosome.study.space_world import world_of

    def through(stop):
        state, kept = State.fresh(result.sent), Frames.fresh(result.sent)
        for done in windows(
            state, result.sent, world_of(held, held.conditions), duration_s=held.duration_s,
            count=7, seed=held.seed, bias=held.scenario.run.bias, workers=1,
        ):  # fmt: skip
            kept = kept.after(done, 7)
            if done.window == stop:
                arrays = {k: v.copy() for k, v in {**done.arrays(), **kept.arrays()}.items()}
                state2, kept = State.of(arrays), Frames.of(arrays)
                for more in windows(
                    state2, result.sent, world_of(held, held.conditions),
                    duration_s=held.duration_s, count=7, seed=held.seed,
                    bias=held.scenario.run.bias, workers=2,
                ):  # fmt: skip
                    kept = kept.after(more, 7)
                return kept
        return kept

    found = through(cut).arrays()
    for name, array in result.film.frames.arrays().items():
        assert array.tobytes() == found[name].tobytes(), name


# ParaView


@pytest.fixture(scope="module")
def paraview(result, kinds, tmp_path_factory):
    pytest.importorskip("meshio")
    from exosome.study.space_paraview import paraview_files

    folder = tmp_path_factory.mktemp("paraview")
    files = paraview_files(result, kinds)
    assert files == paraview_files(result, kinds)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def listed(path):
    return [(float(one.get("timestep")), one.get("file")) for one in ET.parse(path).iter("DataSet")]


def array_of(path, name, dtype):
    """Decode one array by the format's definition, without the library that wrote it."""
    node = next(one for one in ET.parse(path).iter("DataArray") if one.get("Name") == name)
    text = node.text.strip()
    (blocks,) = struct.unpack("<I", base64.b64decode(text[:8])[:4])
    head = 4 * (3 + blocks)
    chars = -(-head // 3) * 4
    sizes = struct.unpack(f"<{3 + blocks}I", base64.b64decode(text[:chars])[:head])[3:]
    packed, out, at = base64.b64decode(text[chars:]), b"", 0
    for size in sizes:
        out += zlib.decompress(packed[at : at + size])
        at += size
    return np.frombuffer(out, dtype)


def test_cells_for_paraview_hold_radius_type_and_uptake_in_time(result, kinds, paraview):
    series = listed(paraview / "cells.pvd")
    assert [time for time, _ in series] == result.film.time_s.tolist()
    last = paraview / series[-1][1]
    assert (array_of(last, "vesicles_taken", "<i8") == result.uptake).all()
    assert (array_of(last, "copies_taken", "<i8") == result.copies_taken).all()
    assert np.allclose(array_of(last, "radius_um", "<f4"), result.plan.layout.radii_um)
    assert np.allclose(
        array_of(last, "Points", "<f4").reshape(-1, 3), result.plan.layout.centres_um
    )
    codes = [line.split(",") for line in (paraview / "codes.csv").read_text().splitlines()[1:]]
    names = {int(code): name.strip('"') for array, code, name in codes if array == "type"}
    assert [names[int(i)] for i in array_of(last, "type", "<i4")] == kinds


@pytest.mark.parametrize("name", ["vesicles", "followed"])
def test_vesicles_for_paraview_are_those_of_the_film(result, paraview, name):
    import meshio

    film = {"vesicles": result.film, "followed": result.followed}[name]
    series = listed(paraview / f"{name}.pvd")
    for (time, file), one in zip(series, film.moments(), strict=True):
        assert time == one.time_s
        if not one.slot.size:  # which meshio writes, VTK reads and meshio does not
            piece = next(ET.parse(paraview / file).iter("Piece"))
            assert piece.get("NumberOfPoints") == "0"
            continue
        held = meshio.read(paraview / file)
        assert (held.points == one.position_um).all()
        assert (held.point_data["state"] == one.became).all()
        assert (held.point_data["vesicle"] == one.slot).all()
        assert (held.point_data["copies"] == film.sent.copies[one.slot]).all()


def test_vtk_itself_reads_the_series(result, paraview):
    # The reader that ParaView has inside; 565 MB, so it is tried only where it is installed.
    pyvista = pytest.importorskip("pyvista")
    for name, film in (("cells", result.film), ("vesicles", result.film)):
        reader = pyvista.get_reader(str(paraview / f"{name}.pvd"))
        assert reader.time_values == film.time_s.tolist()
        for time, one in zip(reader.time_values, film.moments(), strict=True):
            reader.set_active_time_value(time)
            block = reader.read()[0]
            shown = one.slot.size if name == "vesicles" else len(result.plan.layout)
            assert block.n_points == shown
            assert block.n_cells == shown  # each point has a vertex, so that it is drawn
    assert (block["diameter_nm"] > 0.0).all()


# AnnData


@pytest.fixture(scope="module")
def h5ad(result, kinds, tmp_path_factory):
    pytest.importorskip("anndata")
    from exosome.study.space_anndata import anndata_file

    path = tmp_path_factory.mktemp("anndata") / "cells.h5ad"
    path.write_bytes(anndata_file(result, kinds, {"program": "exosome", "seed": 1}))
    assert path.read_bytes() == anndata_file(result, kinds, {"program": "exosome", "seed": 1})
    return path


def test_anndata_holds_cells_places_and_who_sent_to_whom(result, kinds, h5ad):
    import anndata

    held = anndata.read_h5ad(h5ad)
    assert held.shape == (len(result.plan.layout), 0)
    assert held.obs["type"].tolist() == kinds
    assert (held.obs["vesicles_taken"] == result.uptake).all()
    assert (held.obs["copies_taken"] == result.copies_taken).all()
    assert held.obs["vesicles_sent"].sum() == len(result.sent)
    assert np.flatnonzero(held.obs["sends"]).tolist() == result.plan.senders.tolist()
    assert (held.obsm["spatial"] == result.plan.layout.centres_um).all()
    for what in ("vesicles", "copies"):
        matrix = held.obsp[what].tocoo()
        told = {(one.sender, one.receiver): getattr(one, what) for one in result.links}
        found = dict(zip(zip(*matrix.coords, strict=True), matrix.data, strict=True))
        assert {key: n for key, n in told.items() if n} == {k: v for k, v in found.items() if v}
    told = held.uns["exosome"]
    assert json.loads(told["origin"])["program"] == "exosome"
    assert json.loads(told["scenario"])["run"]["windows"] == 7
    assert told["records"].tolist() == [one.id for one in result.plan.records]


TABLE = """
schema_version = 1
[tissue]
geometry = "table"
cells_file = "{file}"
{more}
[senders]
type = "monocyte"
[run]
duration = "1 h"
windows = 2
"""


def from_file(folder, more=""):
    path = folder / "table.toml"
    path.write_text(TABLE.format(file="cells.h5ad", more=more))
    return plan(read_scenario(str(path)), load_catalog(()), seed=1)


def test_cells_written_are_cells_read(result, h5ad, tmp_path):
    (tmp_path / "cells.h5ad").write_bytes(h5ad.read_bytes())
    again = from_file(tmp_path).layout
    first = result.plan.layout
    assert again.radii_um.tolist() == first.radii_um.tolist()
    shift = again.centres_um - first.centres_um
    assert np.allclose(shift, shift[0], atol=1e-9)
    assert from_file(tmp_path).senders.tolist() == result.plan.senders.tolist()
    assert run(from_file(tmp_path)).uptake.sum() > 0


@pytest.fixture
def write(tmp_path):
    """Write cells as a file, two of them unless said otherwise."""
    anndata = pytest.importorskip("anndata")
    import pandas as pd

    def write(spatial, **obs):
        spatial = np.asarray(spatial, float)
        index = [f"c{i}" for i in range(len(spatial))]
        held = anndata.AnnData(obs=pd.DataFrame(obs, index=index), obsm={"spatial": spatial})
        held.write_h5ad(tmp_path / "cells.h5ad")
        return tmp_path

    return write


def test_a_section_stands_at_one_height_and_pixels_have_a_size(write):
    folder = write([[0, 0], [100, 0], [0, 80]], kind=["sender", "b", "b"], r=[12.0, 12.0, 10.0])
    held = from_file(folder, 'cells_unit = "0.5 um"\ntype_key = "kind"\nradius_key = "r"').layout
    assert held.radii_um.tolist() == [6.0, 6.0, 5.0]
    assert held.kinds == ("sender", "b", "b")
    assert np.ptp(held.centres_um[:, 2]) == 0.0
    assert held.size_um[2] == pytest.approx(4 * 6.0)  # a radius above and below the largest cell
    assert held.centres_um[1, 0] - held.centres_um[0, 0] == pytest.approx(50.0)


def test_a_radius_that_is_not_given_is_the_catalog_s(write):
    held = from_file(write([[0, 0, 0], [90, 0, 0]], type=["sender", None]))
    assert (held.layout.radii_um == held.middle("tissue_cell_radius")).all()
    assert held.layout.kinds == ("sender", "cell")


TWO = [[0, 0, 0], [90, 0, 0]]


@pytest.mark.parametrize(
    ("spatial", "obs", "more", "says"),
    [
        (TWO, {"cluster": ["a", "b"]}, "", r"no column 'type'\n.*type_key; obs has: cluster"),
        (TWO, {"type": ["a", "b"]}, 'radius_key = "r"', "no column 'r'"),
        (TWO, {"type": ["a", "b"], "radius": [5.0, -1.0]}, "", "'c1' has a radius"),
        (TWO, {"type": ["a", "b"], "radius": [np.nan, 1.0]}, "", "'c0' has a radius"),
        (TWO, {"type": ["a", "b"], "radius": ["x", "y"]}, "", "not numbers"),
        ([[0, 0, 0], [90, np.nan, 0]], {"type": ["a", "b"]}, "", "'c1' has a place"),
        ([[0], [1]], {"type": ["a", "b"]}, "", r"shape \(2, 1\)"),
        (np.zeros((0, 3)), {"type": []}, "", "no cells"),
        (TWO, {"type": ["a", "b"]}, 'cells_unit = "0 um"', "a unit of 0"),
        (TWO, {"type": ["a", "b"]}, 'cells_unit = "1 h"', "h"),
    ],
)
def test_bad_cells_give_one_clear_error(write, spatial, obs, more, says):
    folder = write(spatial, **obs)
    with pytest.raises(InputError, match=says):
        from_file(folder, more)


def test_overlapping_cells_are_named(write):
    with pytest.raises(InputError, match="spheres 0 and 1 overlap"):
        run(from_file(write([[0, 0], [5, 0]], type=["sender", "b"], radius=[5.0, 5.0])))


@pytest.mark.parametrize("content", [b"", b"not HDF5", b"\x89HDF\r\n\x1a\n" + bytes(40)])
def test_a_file_that_is_no_anndata_is_refused(tmp_path, content):
    pytest.importorskip("anndata")
    (tmp_path / "cells.h5ad").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as AnnData"):
        from_file(tmp_path)


def test_a_file_without_places_says_what_it_has(write):
    folder = write(TWO, type=["a", "b"])
    import h5py

    with h5py.File(folder / "cells.h5ad", "a") as file:
        file.move("obsm/spatial", "obsm/X_umap")
    with pytest.raises(InputError, match=r"no obsm\['spatial'\]\n.*obsm holds: X_umap"):
        from_file(folder)


def test_a_missing_file_and_keys_of_another_form_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        from_file(tmp_path)
    (tmp_path / "table.toml").write_text(TABLE.format(file="cells.csv", more='type_key = "t"'))
    with pytest.raises(InputError, match="type_key is for AnnData"):
        plan(read_scenario(str(tmp_path / "table.toml")), load_catalog(()), seed=1)


# Simularium

COORDINATES = {
    "type": "object",
    "required": ["x", "y", "z"],
    "properties": {axis: {"type": "number"} for axis in "xyz"},
}
UNIT = {
    "type": "object",
    "required": ["magnitude", "name"],
    "properties": {"magnitude": {"type": "number"}, "name": {"type": "string"}},
}
# After file_format.md of simularium/simulariumio, whose tables have no schema of their own.
SCHEMA = {
    "type": "object",
    "required": ["trajectoryInfo", "spatialData", "plotData"],
    "properties": {
        "trajectoryInfo": {
            "type": "object",
            "required": [
                "version", "timeUnits", "timeStepSize", "totalSteps", "spatialUnits", "size",
                "typeMapping",
            ],
            "properties": {
                "version": {"type": "integer", "minimum": 1, "maximum": 3},
                "timeUnits": UNIT,
                "spatialUnits": UNIT,
                "timeStepSize": {"type": "number", "exclusiveMinimum": 0},
                "totalSteps": {"type": "integer", "minimum": 1},
                "size": COORDINATES,
                "cameraDefault": {
                    "properties": {
                        "position": COORDINATES,
                        "lookAtPosition": COORDINATES,
                        "upVector": COORDINATES,
                        "fovDegrees": {"type": "number"},
                    }
                },
                "typeMapping": {
                    "type": "object",
                    "propertyNames": {"pattern": "^[0-9]+$"},
                    "additionalProperties": {
                        "type": "object",
                        "required": ["name", "geometry"],
                        "properties": {
                            "name": {"type": "string"},
                            "geometry": {
                                "required": ["displayType"],
                                "properties": {
                                    "displayType": {"const": "SPHERE"},
                                    "color": {"type": "string", "pattern": "^#[0-9a-f]{6}$"},
                                },
                            },
                        },
                    },
                },
            },
        },
        "spatialData": {
            "type": "object",
            "required": ["version", "msgType", "bundleStart", "bundleSize", "bundleData"],
            "properties": {
                "msgType": {"const": 1},
                "bundleStart": {"const": 0},
                "bundleData": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["frameNumber", "time", "data"],
                        "properties": {
                            "frameNumber": {"type": "integer"},
                            "time": {"type": "number"},
                            "data": {"type": "array", "items": {"type": "number"}},
                        },
                    },
                },
            },
        },
        "plotData": {"type": "object", "required": ["version", "data"]},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", ["film", "followed"])
def test_simularium_files_follow_the_published_format(result, kinds, name):
    pytest.importorskip("simulariumio")
    import jsonschema

    from exosome.study.space_simularium import DRAWN_RADIUS_UM, simularium_file

    film = getattr(result, name)
    content = simularium_file(result, film, kinds, "A title")
    assert content == simularium_file(result, film, kinds, "A title")
    held = json.loads(content)
    jsonschema.validate(held, SCHEMA)
    info, spatial = held["trajectoryInfo"], held["spatialData"]
    names = {int(key): one["name"] for key, one in info["typeMapping"].items()}
    half = 0.5 * result.plan.layout.size_um
    assert info["totalSteps"] == spatial["bundleSize"] == len(film)
    assert info["spatialUnits"] == {"magnitude": 1.0, "name": "µm"}
    for i, (frame, one) in enumerate(zip(spatial["bundleData"], film.moments(), strict=True)):
        assert frame["frameNumber"] == i
        # Eleven numbers for each sphere; the last says that no points follow.
        agents = np.array(frame["data"]).reshape(-1, 11)
        assert (agents[:, 0] == 1000.0).all()
        assert (agents[:, 10] == 0.0).all()
        assert np.unique(agents[:, 1]).size == len(agents) == len(kinds) + one.slot.size
        assert (np.abs(agents[:, 3:6]) <= half + 1e-3).all()
        assert [names[int(k)] for k in agents[: len(kinds), 2]] == [f"cell#{k}" for k in kinds]
        assert np.allclose(agents[len(kinds) :, 3:6], one.position_um - half, atol=2e-3)
        assert (agents[len(kinds) :, 9] == DRAWN_RADIUS_UM).all()
    plot = held["plotData"]["data"][0]["data"]
    assert plot[1]["y"][-1] == int((film.state.fate >= 0).sum())


def test_of_many_cells_those_near_the_sender_are_written(result, kinds, monkeypatch):
    pytest.importorskip("simulariumio")
    from exosome.study import space_simularium

    monkeypatch.setattr(space_simularium, "MOST_CELLS", 10)
    held = json.loads(space_simularium.simularium_file(result, result.film, kinds, "A title"))
    agents = np.array(held["spatialData"]["bundleData"][0]["data"]).reshape(-1, 11)
    assert len(agents) == 10
    assert result.plan.senders[0] in agents[:, 1]
    assert (
        f"Of {len(kinds)} cells the 10 nearest"
        in held["trajectoryInfo"]["modelInfo"]["description"]
    )


# The command line


@pytest.mark.parametrize(
    ("name", "export", "says"),
    [
        ("near-and-far", "vtk,obj", "not written as 'obj'\n.*vtk, anndata, simularium"),
        ("cell-sends", "vtk", "near-and-far and niche have exports"),
    ],
)
def test_a_format_that_is_not_written_is_refused(name, export, says):
    with pytest.raises(InputError, match=says):
        engine_asked(name).asked(export)
    assert engine_asked(name).asked("") == {}
    assert engine_asked("niche").asked(" vtk, anndata,vtk") == {"formats": ("vtk", "anndata")}


def test_a_missing_library_is_said_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(tissue_exports, "find_spec", lambda _name: None)
    with pytest.raises(InputError, match=r"meshio, which is not installed\n.*exosome\[exports\]"):
        run_tissue(
            "niche", out=tmp_path / "run", numbers=[], seed=1, workers=1, quiet=True,
            formats=["vtk"],
        )  # fmt: skip
    assert not (tmp_path / "run").exists()


def test_help_tells_of_exports(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["exosome", "run", "near-and-far", "--help"])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        main()
    told = re.sub(r"[\s│]+", " ", capsys.readouterr().out)
    assert "vtk (ParaView), anndata (scanpy, squidpy) or simularium" in told
    assert "exosome[exports]" in told


@pytest.mark.skipif(
    not all(find_spec(one) for one in ("meshio", "anndata", "simulariumio")), reason="extras"
)
def test_all_exports_land_in_the_directory_of_the_run(tmp_path):
    planned(tmp_path, windows=3)
    run_tissue(
        str(tmp_path / "small.toml"), out=tmp_path / "run", numbers=[], seed=1, workers=1,
        quiet=True, formats=["vtk", "anndata", "simularium"],
    )  # fmt: skip
    names = {
        path.relative_to(tmp_path / "run").as_posix() for path in (tmp_path / "run").rglob("*")
    }
    assert {
        "cells.h5ad", "run.simularium", "followed.simularium", "paraview/cells.pvd",
        "paraview/vesicles.pvd", "paraview/followed.pvd", "small.html",
    } <= names  # fmt: skip
    assert not any("snapshot" in name for name in names)
