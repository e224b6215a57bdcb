"""Time particles among cells against Smoldyn 2.74, with the accuracy of both beside the time.

Run ``python benchmarks/bench_space.py [--rounds 5] [--plot docs/images/space-cost.svg]`` with
the extra ``bench``. W1: a cube of 300 um with reflecting walls, 1,000 fully absorbing spheres of
radius 7.5 um that keep 0.5 um apart, 100,000 vesicles of D = 3 um2/s uniformly outside them;
watched is the share taken up after 2 s and after 10 s. Engines take turns, round after round.
Smoldyn runs in a process of its own, on its one thread, steps of 20 ms; its loop is timed
without loading, and a run of one step is taken off. Ours is the whole call, from arrays to arrays,
after one call that loads the compiled code. Other work on the machine hits wall time, so ratios are
given of wall time (ours on two threads) and of processor time (per core). The reference is
ours at the finest bounds, 2,000,000 other vesicles.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numba
import numpy as np

from exosome.numerics.brownian import Particles, World, advance, bytes_per_particle

D = 3.0
# Of a vesicle: place, clock, slot, diffusivity, draws, fate and kind read; place, clock, draws and
# fate written. Operations: 51 for each of three normal numbers, 2 for the uniform one, 24 for the
# voxel, 9 for the step; integer ones apart.
_BYTES, _OPERATIONS = 54 + 40, 3 * 51 + 2 + 24 + 9
_SMOLDYN = """
import sys, time, json, smoldyn
held = smoldyn.Simulation.fromFile(sys.argv[1])
wall, cpu = time.perf_counter(), time.process_time()
held.runSim()
json.dump([time.perf_counter() - wall, time.process_time() - cpu], open(sys.argv[2], "w"))
"""


def spheres(count: int, edge: float, radius: float, gap: float, seed: int) -> World:
    """Return spheres at random that keep a gap, in a cube with reflecting walls."""
    rng = np.random.default_rng(seed)
    cell = 2.0 * radius + gap
    bins: dict[tuple[int, int, int], list[np.ndarray]] = {}
    held: list[np.ndarray] = []
    while len(held) < count:
        p = rng.uniform(radius, edge - radius, 3)
        i, j, k = (int(c / cell) for c in p)
        near = [
            q
            for a in (i - 1, i, i + 1)
            for b in (j - 1, j, j + 1)
            for c in (k - 1, k, k + 1)
            for q in bins.get((a, b, c), ())
        ]
        if all(np.sum((p - q) ** 2) >= cell**2 for q in near):
            bins.setdefault((i, j, k), []).append(p)
            held.append(p)
    return World(
        np.full(3, edge), np.array(held), np.full(count, radius), np.zeros(count, np.int64),
        np.array([[np.inf]]), np.zeros(1),
    )  # fmt: skip


def outside(world: World, count: int, seed: int) -> np.ndarray:
    """Return places outside all spheres."""
    from scipy.spatial import cKDTree

    rng = np.random.default_rng(seed)
    tree = cKDTree(world.centres_um)
    radius = float(world.radii_um[0])
    out: list[np.ndarray] = []
    while sum(map(len, out)) < count:
        x = rng.uniform(0.0, float(world.size_um[0]), (count // 2 + 1000, 3))
        out.append(x[tree.query(x)[0] > radius])
    return np.concatenate(out)[:count]


def smoldyn(world: World, at: np.ndarray, step: float, until: float) -> tuple[float, float, float]:
    """Return wall time, processor time and the share taken up."""
    edge = float(world.size_um[0])
    lines = ["dim 3", *(f"boundaries {axis} 0 {edge} r" for axis in "xyz"), "species A"]
    lines += [f"difc A {D}", "time_start 0", f"time_stop {until}", f"time_step {step}"]
    lines += ["start_surface cells", "action both A absorb"]
    lines += [f"panel sphere {x} {y} {z} 7.5 10 10" for x, y, z in world.centres_um]
    lines += ["end_surface", *(f"mol 1 A {x:.6f} {y:.6f} {z:.6f}" for x, y, z in at)]
    with tempfile.TemporaryDirectory() as folder:
        model, times, counts = (Path(folder) / name for name in ("w1.txt", "times", "counts.txt"))
        lines += ["boxsize 5", "output_files counts.txt", "cmd A molcount counts.txt", "end_file"]
        model.write_text("\n".join(lines))
        command = [sys.executable, "-c", _SMOLDYN, str(model), str(times)]
        subprocess.run(
            command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wall, cpu = json.loads(times.read_text())
        left = int(counts.read_text().split()[-1])
    return wall, cpu, 1.0 - left / len(at)


def ours(
    world: World, at: np.ndarray, until: float, *, workers: int = 2, **how: float
) -> tuple[float, float, float, int]:
    """Return wall time, processor time, the share taken up and steps."""
    p = Particles.at(at, D)
    wall, cpu = time.perf_counter(), time.process_time()
    steps = advance(p, world, until, seed=1, workers=workers, **how)  # type: ignore[arg-type]
    return (
        time.perf_counter() - wall,
        time.process_time() - cpu,
        float((p.fate >= 0).mean()),
        steps,
    )


def w1(rounds: int, *, peer: bool) -> None:
    world = spheres(1000, 300.0, 7.5, 0.5, seed=1)
    at = outside(world, 100_000, seed=2)
    started = time.perf_counter()
    world.grid()
    print(f"W1: look-up of spheres built in {time.perf_counter() - started:.2f} s")
    many = outside(world, 2_000_000, seed=3)
    for until in (2.0, 10.0):
        exact = ours(world, many, until, bias=0.001)[2]
        print(f"\nshare taken up after {until:g} s, reference {exact:.5f} (se {np.sqrt(exact * (1 - exact) / len(many)):.5f})")  # fmt: skip
        runs = {
            "fixed step 20 ms": {"step_s": 0.02},
            "bias 0.01": {"bias": 0.01},
            "bias 0.005": {"bias": 0.005},
            "bias 0.0025": {"bias": 0.0025},
        }
        ours(world, at[:100], until, bias=0.01)
        wall = {name: [] for name in (*runs, "Smoldyn 20 ms")}
        cpu = {name: [] for name in wall}
        found: dict[str, float] = {}
        loops = rounds if until < 5 else max(1, rounds // 3)
        for _ in range(loops):
            if peer:
                idle = smoldyn(world, at, 0.02, 0.02)
                one = smoldyn(world, at, 0.02, until)
                scale = 1.0 / (1.0 - 0.02 / until)
                wall["Smoldyn 20 ms"].append((one[0] - idle[0]) * scale)
                cpu["Smoldyn 20 ms"].append((one[1] - idle[1]) * scale)
                found["Smoldyn 20 ms"] = one[2]
            for name, how in runs.items():
                took = ours(world, at, until, **how)
                wall[name].append(took[0])
                cpu[name].append(took[1])
        for name, how in runs.items():
            found[name] = ours(world, many, until, **how)[2] if "bias" in how else ours(world, many[:400_000], until, **how)[2]  # fmt: skip
        print(f"{'':18} {'wall s min/med/max':>26} {'cpu s med':>10} {'taken up':>9} {'off by':>8}  ratio wall min/med/max   ratio cpu")  # fmt: skip
        for name, times in wall.items():
            if not times:
                continue
            times_text = "/".join(f"{f(times):.4f}" for f in (min, statistics.median, max))
            ratios = [a / b for a, b in zip(wall["Smoldyn 20 ms"], times, strict=False)]
            ratio = "/".join(f"{f(ratios):.0f}" for f in (min, statistics.median, max)) if ratios else ""  # fmt: skip
            per_core = statistics.median(cpu["Smoldyn 20 ms"]) / statistics.median(cpu[name]) if peer else 0.0  # fmt: skip
            off = 100 * (found[name] / exact - 1)
            print(f"{name:18} {times_text:>26} {statistics.median(cpu[name]):10.4f} {found[name]:9.5f} {off:+7.2f}%  {ratio:>20} {per_core:10.1f}")  # fmt: skip


def cost() -> dict[str, list[tuple[float, float]]]:
    """Return processor seconds against vesicles, cells, size classes and simulated time."""
    held: dict[str, list[tuple[float, float]]] = {}
    world = spheres(1000, 300.0, 7.5, 0.5, seed=1)
    world.grid()

    def took(w: World, at: np.ndarray, until: float, d: np.ndarray | float = D) -> float:
        p = Particles.at(at, d)
        cpu = time.process_time()
        advance(p, w, until, seed=1, bias=0.005)
        return time.process_time() - cpu

    most = outside(world, 10_000_000, seed=4)
    held["vesicles"] = [(n, took(world, most[:n], 5.0)) for n in (10**4, 10**5, 10**6, 10**7)]
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"\n10,000,000 vesicles: {held['vesicles'][-1][1]:.1f} cpu s for 5 s; {bytes_per_particle()} bytes each; peak memory of the process {rss:.2f} GB with the places drawn twice")  # fmt: skip
    at = most[:1_000_000]
    held["simulated time, s"] = [(t, took(world, at, t)) for t in (1.0, 3.0, 10.0, 30.0, 100.0)]
    rng = np.random.default_rng(5)
    held["size classes"] = [
        (n, took(world, at[:300_000], 5.0, np.geomspace(1.0, 9.0, n)[rng.integers(0, n, 300_000)]))
        for n in (1, 3, 10, 100, 1000)
    ]
    cells: list[tuple[float, float]] = []
    building: list[tuple[float, float]] = []
    for n in (100, 1000, 10_000, 100_000):
        w = spheres(n, 30.0 * n ** (1 / 3), 7.5, 0.5, seed=6)
        cpu = time.process_time()
        w.grid()
        building.append((n, time.process_time() - cpu))
        cells.append((n, took(w, outside(w, 300_000, seed=7), 5.0)))
    held["cells (vesicles the same)"] = cells
    held["cells: building the look-up"] = building
    for name, points in held.items():
        print(name, ", ".join(f"{x:g}: {y:.3g} s" for x, y in points))
    return held


def limits() -> None:
    """Print how far the kernel is from what chance alone costs."""
    from exosome.numerics.brownian.philox import draw_steps

    n, often = 128, 100_000
    words = [np.arange(n, dtype=np.uint64) for _ in range(3)]
    out = np.empty((3, n), np.int32), np.empty((3, n), np.float32), np.empty(n)

    @numba.njit
    def draw_often(times, s0, s1, at, w, x, u):
        for _ in range(times):
            draw_steps(s0, s1, at, np.uint64(0), np.uint64(1), np.uint64(2), w, x, u, s0.size)
            at[0] += np.uint64(1)

    draw_often(1, *words, *out)
    cpu = time.process_time()
    draw_often(often, *words, *out)
    alone = (time.process_time() - cpu) / often / n
    world = spheres(1000, 300.0, 7.5, 0.5, seed=1)
    at = outside(world, 200_000, seed=2)
    ours(world, at[:100], 0.1, step_s=0.02)
    _, cpu_s, _, steps = ours(world, at, 2.0, step_s=0.02, workers=1)
    _, cpu_a, _, steps_a = ours(world, at, 10.0, bias=0.005, workers=1)
    print(f"\nchance of a step (one Philox block, three normals): {1e9 * alone:.1f} ns = {1e-6 / alone:.0f} M/s per core")  # fmt: skip
    print(f"a fixed step: {1e9 * cpu_s / steps:.1f} ns = {1e-6 * steps / cpu_s:.1f} M/s per core; chance is {100 * alone * steps / cpu_s:.0f} % of it")  # fmt: skip
    print(f"an adaptive step: {1e9 * cpu_a / steps_a:.1f} ns, {steps_a / len(at):.2f} a vesicle in 10 s = {1e-6 * len(at) * 10 / cpu_a:.1f} M vesicle-seconds/s per core")  # fmt: skip
    wall_s = ours(world, at, 2.0, bias=0.005, workers=1)[0]
    source, target = np.ones(25_000_000), np.ones(25_000_000)
    square = np.ones((2000, 2000), np.float32)
    started = time.perf_counter()
    np.copyto(target, source)
    copied = 2e-9 * source.nbytes / (time.perf_counter() - started)
    square @ square
    cpu = time.process_time()
    square @ square
    peak = 2e-9 * 2000**3 / (time.process_time() - cpu)
    moved = 1e-9 * _BYTES * len(at) / wall_s
    done = 1e-9 * _OPERATIONS * steps / cpu_s
    print(f"memory: {_BYTES} bytes of a vesicle read and written in a call of 2 s = {moved:.1f} GB/s of {copied:.1f} (copy, one thread)")  # fmt: skip
    print(f"arithmetic: {_OPERATIONS} operations in a fixed step far from cells, counted in the source = {done:.1f} GFLOP/s of {peak:.0f} a core (matrix product, single precision)")  # fmt: skip


def plot(held: dict[str, list[tuple[float, float]]], path: Path) -> None:
    """Draw cost against size."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "exosome"
    from matplotlib.figure import Figure

    figure = Figure((9.0, 3.2), layout="constrained")
    axes = figure.subplots(1, len(held), sharey=True)
    for one, (name, points) in zip(axes, held.items(), strict=True):
        x, y = np.array(points).T
        one.loglog(x, y, "o-", color="#0072b2", label="measured")
        one.loglog(x, y[-1] * x / x[-1], "--", color="#999999", label="linear")
        one.set_xlabel(name, fontsize=8)
        one.tick_params(labelsize=7)
    axes[0].set_ylabel("processor time, s")
    axes[0].legend(fontsize=7, frameon=False)
    figure.savefig(path, metadata={"Date": None})


def fresh() -> None:
    """Print the wall time of a small run in a fresh process with compiled code at hand."""
    code = (
        "import numpy as np\n"
        "from exosome.numerics.brownian import *\n"
        "w = World(np.full(3, 100.), np.full((1, 3), 50.), np.array([7.5]), np.zeros(1, np.int64),"
        " np.array([[1.]]), np.zeros(1))\n"
        "p = Particles.at(np.full((1000, 3), 40.), 3.)\n"
        "advance(p, w, 10., seed=1)\n"
    )
    took = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        took.append(time.perf_counter() - started)
    print(f"\nfresh process, 1,000 vesicles, 10 s: {min(took):.2f} s wall, import included")


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--rounds", type=int, default=5)
    ask.add_argument("--plot", type=Path)
    ask.add_argument("--no-peer", action="store_true")
    asked = ask.parse_args()
    w1(asked.rounds, peer=not asked.no_peer)
    limits()
    fresh()
    held = cost()
    if asked.plot:
        plot(held, asked.plot)


if __name__ == "__main__":
    main()
