"""Films on the page of a run in space: same bytes, small, and still for those who want it."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from exosome.app import tissue_film
from exosome.app.tissue import tissue_page, tissue_summary
from exosome.app.tissue_figures import SENDER
from exosome.app.tissue_film import MOST_BYTES, filmed
from exosome.catalog.load import load_catalog
from exosome.numerics.brownian import DECAYED, FREE, Particles
from exosome.study.near_and_far import run
from exosome.study.space_plan import plan
from exosome.study.space_scenario import read_scenario
from exosome.tissue.frames import MOST_DRAWN, MOST_FRAMES, Film, Frames
from exosome.tissue.geometry import Layout
from exosome.tissue.space import Sent, State

SCENARIO = """
schema_version = 1
[tissue]
edge = "120 um"
cell_fraction = 0.15
[senders]
type = "mcf7"
[run]
duration = "2 h"
windows = 5
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "small.toml"
    path.write_text(SCENARIO)
    return run(plan(read_scenario(str(path)), load_catalog(()), seed=1), workers=2)


def made(result, **changes):
    told = {"unit": "h", "still": 1.0, **changes}
    return filmed(result.film, result.plan.layout, result.plan.senders, **told)


def frames_of(content):
    film = Image.open(io.BytesIO(content))
    out = []
    for i in range(film.n_frames):
        film.seek(i)
        out.append((np.array(film.convert("RGB")), film.info["duration"]))
    return out


def test_a_film_has_the_same_bytes_again(result):
    assert made(result) == made(result)


def test_a_film_has_every_frame_and_rests_on_the_last(result):
    shown = made(result)
    found = frames_of(shown.moving)
    assert len(found) == shown.frames == 6
    assert found[-1][1] > 5 * found[0][1]
    assert any((one != found[0][0]).any() for one, _ in found[1:])
    still = np.array(Image.open(io.BytesIO(shown.still)).convert("RGB"))
    assert (still == found[-1][0]).all()  # lossless


def test_the_sender_is_seen_in_its_colour(result):
    wanted = [int(SENDER[i : i + 2], 16) for i in (1, 3, 5)]
    still = np.array(Image.open(io.BytesIO(made(result, still=0.0).still)).convert("RGB"), int)
    near = np.abs(still - wanted).sum(axis=2) < 120
    assert near.sum() > 30


def test_the_darkest_cell_is_none_that_sends(result):
    others = np.delete(result.uptake, result.plan.senders)
    assert made(result).most == others.max()
    assert f"the darkest cell took up {others.max():,}." in tissue_page(
        result, tissue_summary(result, "exosome run small.toml")
    )


def test_a_film_that_is_too_large_leaves_frames_out_but_not_the_last(result, monkeypatch):
    whole = made(result)
    monkeypatch.setattr(tissue_film, "MOST_BYTES", len(whole.moving) - 1)
    less = made(result)
    assert less.frames == 3
    assert len(less.moving) < len(whole.moving)
    assert (frames_of(less.moving)[-1][0] == frames_of(whole.moving)[-1][0]).all()


def test_the_fullest_film_stays_small():
    """As many cells, frames and vesicles as are ever drawn, each frame unlike the last."""
    rng = np.random.default_rng(1)
    grid = np.stack(np.meshgrid(*[np.arange(25)] * 3), axis=-1).reshape(-1, 3)
    layout = Layout(
        np.full(3, 500.0), 10.0 + 20.0 * grid, np.full(len(grid), 8.0), ("c",) * len(grid)
    )
    n = MOST_DRAWN * (MOST_FRAMES + 1)
    sent = Sent(
        np.zeros(n), np.zeros(n, np.int32), rng.random((n, 3)) * 500, np.full(n, 80.0), np.ones(n),
        np.zeros(n, np.int64), np.zeros(n, np.uint16),
    )  # fmt: skip
    fate = rng.choice([FREE, DECAYED, *range(len(grid))], n).astype(np.int32)
    there = Particles.at(sent.start_um, 1.0).where(fate == FREE)
    state = State(MOST_FRAMES, fate, rng.random(n) * 60, sent.start_um, there)
    held = Frames(
        np.full(MOST_FRAMES + 1, MOST_DRAWN), np.arange(n), sent.start_um.astype(np.float32)
    )
    film = Film(sent, state, held, 60.0, MOST_FRAMES)
    shown = filmed(film, layout, np.array([0]), unit="min", still=0.5)
    assert len(shown.moving) <= MOST_BYTES
    assert shown.frames >= 4


def test_the_page_holds_films_and_lets_them_be_held_still(result):
    page = tissue_page(result, tissue_summary(result, "exosome run small.toml"))
    moving = re.findall(r'class="moving"[^>]* src="data:image/webp;base64,([^"]+)"', page)
    still = re.findall(r'class="still"[^>]* src="data:image/png;base64,([^"]+)"', page)
    assert len(moving) == len(still) == 2
    assert sum(map(len, moving + still)) < 1_500_000
    assert "prefers-reduced-motion: reduce" in page
    assert "img-src data:" in page
    assert not re.search(r'src="(?!data:)', page)
