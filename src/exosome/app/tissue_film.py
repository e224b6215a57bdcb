"""Moving pictures of cells in space: drawn dot by dot, the same bytes for the same run.

The block is seen as in the still picture, from above one corner and cut open through the middle.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from exosome.app.tissue_figures import NONE, SCALE, SENDER, TILT, TURN, step_of
from exosome.tissue.frames import LEFT, LOST, ON_THE_WAY, STATES, TAKEN, thinned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exosome.tissue.frames import Film, Moment
    from exosome.tissue.geometry import Layout

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

MOST_BYTES = 480_000  # of one film; a page holds two, and text of base64 is a third longer
_WIDE, _HIGH = 440, 452
_ROOM = (10.0, 60.0, 430.0, 424.0)  # px: left, top, right and bottom of what the whole box may fill
_PAGE, _INK, _MUTED, _FAINT = "#ffffff", "#1d2329", "#5d656e", "#8a9199"
_ENDED, _EDGE = "#d33a8c", "#c9ced3"
_FINE = 4  # sub-pixels along an edge of a sprite
_STEP_MS, _LAST_MS = 160, 2_000
_TONES = np.linspace(0.1, 1.0, 7)  # of a ball, from where it is lit to its far edge
_MOST_CELLS = 8_000
_MOST_ENDED = 300  # marks of a frame where vesicles ended; more would hide the cells
_NEAR = 2.0  # radii of its sender within which a vesicle is drawn over it, if in front of it


@dataclass(frozen=True, slots=True)
class Picture:
    """A film for a page: the moving picture, and a still for those who want none that moves."""

    moving: bytes  # WebP
    still: bytes  # PNG
    frames: int
    most: int  # vesicles that the darkest cell took up


def filmed(film: Film, layout: Layout, senders: Ints, *, unit: str, still: float) -> Picture:
    """Return a film of a run.

    Parameters
    ----------
    film : Film
    layout : Layout
    senders : array of int
        The cells that send, drawn in front.
    unit : {"min", "h"}
        Of the time shown.
    still : float
        Share of the film after which the still is taken.

    Notes
    -----
    Where the moving picture would be larger than ``MOST_BYTES``, every second frame is left out.
    """
    draw = _Block(film, layout, senders)
    shown = _reduced([draw.frame(i, one, unit) for i, one in enumerate(film.moments())])
    kept = list(range(len(shown)))
    moving = _webp(shown)
    while len(moving) > MOST_BYTES and len(kept) > 2:
        kept = kept[::-1][::2][::-1]  # the last frame stays
        moving = _webp([shown[i] for i in kept])
    held = io.BytesIO()
    shown[round(still * (len(shown) - 1))].save(held, "PNG", optimize=True)
    return Picture(moving, held.getvalue(), len(kept), draw.most)


def _reduced(frames: list[Image.Image]) -> list[Image.Image]:
    """Return frames in few colours, tones of those drawn with: it packs far better."""
    tones = [tone for base in (NONE, SENDER, *SCALE) for tone in _lit(_rgb(base), _TONES)]
    inks = [_rgb(one) for one in (_PAGE, _INK, _MUTED, _FAINT, _ENDED, _EDGE)]
    listed = np.concatenate([np.array(inks), np.array(tones)]).round().astype(np.uint8)
    colours = Image.new("P", (1, 1))
    colours.putpalette(listed.tobytes())
    return [one.quantize(palette=colours, dither=Image.Dither.NONE) for one in frames]


def _webp(frames: list[Image.Image]) -> bytes:
    held = io.BytesIO()
    first, *rest = (one.convert("RGB") for one in frames)
    times = [_STEP_MS] * len(rest) + [_LAST_MS]
    first.save(
        held, "WEBP", save_all=True, append_images=rest, duration=times, loop=0, lossless=True,
        quality=50, method=3,
    )  # fmt: skip
    return held.getvalue()


class _Block:
    """Draws frames of one block; holds what every frame shares."""

    def __init__(self, film: Film, layout: Layout, senders: Ints) -> None:
        self.layout, self.senders = layout, senders
        self.sender_of = film.sent.sender
        self.taken = film.taken(len(layout))
        self.middle = 0.5 * layout.size_um
        self.scale, self.shift = 1.0, np.zeros(2)
        at, _ = self.placed(self._corners(0.0))
        left, top, right, bottom = _ROOM
        low, high = at.min(axis=0), at.max(axis=0)
        self.scale = float(min((right - left) / (high - low)[0], (bottom - top) / (high - low)[1]))
        self.shift = 0.5 * np.array([left + right, top + bottom]) - self.scale * 0.5 * (low + high)
        self.at, self.deep = self.placed(layout.centres_um)
        sends = np.zeros(len(layout), np.bool_)
        sends[senders] = True
        self.most = int(self.taken[-1, ~sends].max(initial=0))
        behind = layout.centres_um[:, 1] >= self.middle[1] - layout.radii_um
        kept = np.flatnonzero(behind & ~sends)
        # Where there are too many to draw, the nearest hide the rest.
        self.cells = kept[np.argsort(-self.deep[kept], kind="stable")][-_MOST_CELLS:]
        self.sprites: dict[tuple[str, int], Image.Image] = {}
        self.marks = {became: _mark(became) for became in range(len(STATES))}

    def placed(self, points_um: NDArray[np.floating]) -> tuple[Floats, Floats]:
        """Return where points stand on the picture, in px, and how deep, in um."""
        a, b, c = (points_um - self.middle).astype(np.float64).T
        across = math.cos(TURN) * a - math.sin(TURN) * b
        back = math.sin(TURN) * a + math.cos(TURN) * b
        down = math.sin(TILT) * back - math.cos(TILT) * c
        deep = math.cos(TILT) * back + math.sin(TILT) * c
        return self.shift + self.scale * np.column_stack([across, down]), deep

    def frame(self, number: int, moment: Moment, unit: str) -> Image.Image:
        """Return one frame: cells and vesicles from far to near, the senders over them."""
        image = Image.new("RGB", (_WIDE, _HIGH), _PAGE)
        draw = ImageDraw.Draw(image)
        self._edges(draw)
        moment = _fewer(moment)
        at, deep = self.placed(moment.position_um)
        late = self._late(moment, deep)
        early = np.flatnonzero(~late)
        things = np.concatenate([self.deep[self.cells], deep[early]])
        count = self.cells.size
        for i in np.argsort(-things, kind="stable").tolist():
            if i < count:
                self._cell(image, int(self.cells[i]), number)
            else:
                self._paste(image, self._of(moment, int(early[i - count])), at[early[i - count]])
        for cell in self.senders[np.argsort(-self.deep[self.senders], kind="stable")].tolist():
            self._cell(image, cell, number, SENDER)
        for i in np.flatnonzero(late).tolist():
            self._paste(image, self._of(moment, i), at[i])
        self._words(image, draw, moment, unit)
        return image

    def _late(self, moment: Moment, deep: Floats) -> NDArray[np.bool_]:
        """Return which vesicles nothing drawn hides: before the cut, or before their sender."""
        sender = self.sender_of[moment.slot]
        away = np.linalg.norm(moment.position_um - self.layout.centres_um[sender], axis=1)
        near = (away < _NEAR * self.layout.radii_um[sender]) & (deep < self.deep[sender])
        return near | (moment.position_um[:, 1] < self.middle[1])

    def _of(self, moment: Moment, which: int) -> Image.Image:
        return self.marks[int(moment.became[which])]

    def _cell(self, image: Image.Image, cell: int, number: int, colour: str = "") -> None:
        if not colour:
            step = step_of(float(self.taken[number, cell]), float(self.most))
            colour = NONE if step is None else SCALE[step]
        fine = max(2, round(_FINE * self.scale * float(self.layout.radii_um[cell])))
        sprite = self.sprites.get((colour, fine))
        if sprite is None:
            sprite = self.sprites[colour, fine] = _ball(colour, fine / _FINE)
        self._paste(image, sprite, self.at[cell])

    @staticmethod
    def _paste(image: Image.Image, sprite: Image.Image, at: Floats) -> None:
        half = sprite.width / 2.0
        image.paste(sprite, (round(float(at[0]) - half), round(float(at[1]) - half)), sprite)

    def _corners(self, front_um: float) -> Floats:
        x, y, z = self.layout.size_um
        return np.array([(a, b, c) for a in (0, x) for b in (front_um, y) for c in (0, z)])

    def _edges(self, draw: ImageDraw.ImageDraw) -> None:
        corners = self._corners(float(self.middle[1]))
        at = [(float(x), float(y)) for x, y in self.placed(corners)[0]]
        for i in range(8):
            for j in range(i + 1, 8):
                if np.count_nonzero(corners[i] != corners[j]) == 1:
                    draw.line([at[i], at[j]], fill=_EDGE)

    def _words(
        self, image: Image.Image, draw: ImageDraw.ImageDraw, moment: Moment, unit: str
    ) -> None:
        small, large = _font(12), _font(18)
        time = moment.time_s / {"min": 60.0, "h": 3600.0}[unit]
        draw.text((12, 8), f"{time:.1f} {unit}", fill=_INK, font=large)
        draw.text((12, 34), f"{moment.free:,} on the way", fill=_MUTED, font=small)
        foot, bar = _HIGH - 12, 50.0 * self.scale
        draw.line([(12, foot), (12 + bar, foot)], fill=_INK, width=2)
        draw.text((18 + bar, foot - 8), "50 µm", fill=_MUTED, font=small)
        at = 90.0 + bar
        for became, words in ((ON_THE_WAY, "on the way"), (TAKEN, "taken up"), (LOST, "lost")):
            self._paste(image, self.marks[became], np.array([at, foot]))
            draw.text((at + 8, foot - 8), words, fill=_MUTED, font=small)
            at += 22.0 + small.getlength(words)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    import matplotlib as mpl

    return ImageFont.truetype(Path(mpl.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), size)


def _fewer(moment: Moment) -> Moment:
    """Return a frame with at most so many of the vesicles that ended, an even choice of them."""
    ended = np.flatnonzero(moment.became != ON_THE_WAY)
    kept = np.union1d(
        np.flatnonzero(moment.became == ON_THE_WAY), ended[thinned(moment.slot[ended], _MOST_ENDED)]
    )
    return replace(
        moment,
        slot=moment.slot[kept],
        position_um=moment.position_um[kept],
        became=moment.became[kept],
    )


def _ball(colour: str, radius: float) -> Image.Image:
    """Return a ball lit from the upper left, its edge blended over whatever is behind."""
    wide = 2 * math.ceil(radius) + 2
    grid = (np.arange(wide * _FINE) + 0.5) / _FINE - wide / 2.0
    x, y = np.meshgrid(grid, grid)
    far = np.hypot(x + 0.3 * radius, y + 0.4 * radius) / (1.5 * radius)
    return _blended(_lit(_rgb(colour), far), x * x + y * y <= radius * radius)


def _lit(base: Floats, far: Floats) -> Floats:
    """Return a colour by the distance from where it is lit: lighter there, darker at the edge."""
    away = far[..., None]
    light = base + (255.0 - base) * 0.45 * np.maximum(0.0, 1.0 - away / 0.6)
    return light * (1.0 - 0.35 * np.clip((away - 0.6) / 0.4, 0.0, 1.0))


def _mark(became: int) -> Image.Image:
    """Return a vesicle: a dot on its way, a diamond where taken up, a cross where it was lost."""
    grid = (np.arange(9 * _FINE) + 0.5) / _FINE - 4.5
    x, y = np.meshgrid(grid, grid)
    if became in (LOST, LEFT):
        inside = (np.abs(np.abs(x) - np.abs(y)) < 0.9) & (np.abs(x) < 2.8)
        return _blended(np.broadcast_to(_rgb(_FAINT), (*x.shape, 3)), inside)
    far = np.hypot(x, y) if became == ON_THE_WAY else np.abs(x) + np.abs(y)
    colour, reach = (_INK, 2.0) if became == ON_THE_WAY else (_ENDED, 2.8)
    tone = np.where((far < reach)[..., None], _rgb(colour), _rgb(_PAGE))
    return _blended(tone, far < reach + 0.9)


def _rgb(colour: str) -> Floats:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float64)


def _blended(tone: Floats, inside: NDArray[np.bool_]) -> Image.Image:
    """Return fine pixels as coarse ones: the mean colour of those inside, and their share."""
    wide = inside.shape[0] // _FINE
    held = np.concatenate([tone * inside[..., None], inside[..., None]], axis=2)
    parts = held.reshape(wide, _FINE, wide, _FINE, 4).sum(axis=(1, 3))
    share = parts[..., 3:]
    out = np.concatenate(
        [parts[..., :3] / np.maximum(share, 1.0), 255.0 * share / _FINE**2], axis=2
    )
    return Image.fromarray(out.round().astype(np.uint8), "RGBA")
