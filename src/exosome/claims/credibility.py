"""How far an answer can be trusted, for its own question: a block made from the summary alone.

The headings follow the risk-based credibility frameworks for models (ASME V&V 40 and, on
the drug side, ICH M15); the names of the thirteen factors are recalled, not read. The block
grades nothing and adds nothing up: each line says what was done, or that it was not.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Table = dict[str, Any]
State = Literal["done", "in part", "not done", "does not apply"]
Reach = Literal["inside", "near", "outside", "not known"]

NOT_FOR: tuple[str, ...] = (
    "benefit or harm to a person or a group of people: no clinical outcome is computed",
    "choosing, changing or stopping a treatment or a dose for anyone",
    "another product, dose, route, target or mechanism than the one stated",
    "whether the product may be sold or given: law is a separate axis",
    "raising the level of evidence: a computation never does",
)
_UNREAD = ("assumed", "recalled")
_WIDE_POINTS = 50.0
"""A control whose 90 % interval spans more percentage points than this tests little."""
_NOISY = 1.05
"""First-order shares that sum above this are estimated too roughly to be read as shares."""

# What each bundled control puts through the same code: kinds of mechanism, and in words.
# A control that is not listed has an unknown bearing and is shown so.
_SCOPES: dict[str, tuple[frozenset[str], str]] = {
    "fusogenic-cas9": (
        frozenset({"luminal_protein", "luminal_rna"}),
        "opening and packing in a dish, with a fusogen that the natural vesicle lacks",
    ),
    "lnp-dose-response": (
        frozenset({"luminal_rna"}),
        "dose to response in the liver, for a synthetic particle that opens far better",
    ),
    "split-luciferase": (
        frozenset({"luminal_protein", "luminal_rna"}),
        "opening of unmodified vesicles in a dish",
    ),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One check of code or model: what was found, and whether it was done."""

    name: str
    state: State
    found: str


@dataclass(frozen=True, slots=True)
class Distance:
    """How far the case lies from data in one respect."""

    aspect: str
    reach: Reach
    why: str


@dataclass(frozen=True, slots=True)
class Budget:
    """Where the doubt of one mechanism's margin comes from, by how its numbers were read.

    ``by_status`` are total shares of the margin's variance, one for each way of reading
    (they need not sum to 1). ``structure`` says what rival positions would change.
    """

    mechanism: str
    by_status: tuple[tuple[str, float], ...]
    unread: float
    largest: tuple[tuple[str, str, float], ...]
    structure: str
    sampling: str
    caution: str


@dataclass(frozen=True, slots=True)
class Factor:
    """One credibility factor: what stands for it in this report, or the gap."""

    group: str
    factor: str
    state: State
    stands: str


@dataclass(frozen=True, slots=True)
class Credibility:
    """The credibility block of one report; it holds no composite number."""

    question: str
    context: tuple[tuple[str, str], ...]
    not_for: tuple[str, ...]
    verification: tuple[Check, ...]
    validation: tuple[Check, ...]
    applicability: tuple[Distance, ...]
    budget: tuple[Budget, ...]
    reproducibility: tuple[tuple[str, str], ...]
    factors: tuple[Factor, ...]

    @property
    def outside(self) -> tuple[str, ...]:
        """The respects in which the case lies outside the data."""
        return tuple(one.aspect for one in self.applicability if one.reach == "outside")

    @property
    def sentence(self) -> str:
        """Say in one sentence what most limits the answer."""
        if self.outside:
            return f"Outside the recorded data in: {', '.join(self.outside)}."
        unknown = [one.aspect for one in self.applicability if one.reach == "not known"]
        if unknown:
            return f"No respect is known to lie outside the data; not known: {', '.join(unknown)}."
        return "Inside the recorded data in every respect that was looked at."

    def as_table(self) -> Table:
        """Return the block as plain values, as a summary file holds it."""
        return {**asdict(self), "sentence": self.sentence, "outside": list(self.outside)}


def credibility(summary: Table) -> Credibility:
    """Return the credibility block of an answer.

    Parameters
    ----------
    summary : dict
        What ``exosome.claims.summary.summarise_answer`` returns, or the same read
        back from ``summary.json``.
    """
    verification = _verification(summary)
    validation = _validation(summary)
    applicability = _applicability(summary)
    return Credibility(
        _question(summary["claim"]),
        _context(summary),
        NOT_FOR,
        verification,
        validation,
        applicability,
        tuple(_budget(one) for one in summary["mechanisms"] if one.get("finding")),
        _reproducibility(summary["run"]),
        _factors(summary, verification, validation, applicability),
    )


def _question(claim: Table) -> str:
    if claim["effect"] is None:
        return (
            f"What reaches {_target(claim)} from {claim['given']} of {claim['product']}, "
            f"{claim['route']}? No effect is declared, so enough cannot be judged."
        )
    share = 100.0 * claim["responding_fraction"]
    return (
        f"Can {claim['given']} of {claim['product']}, {claim['route']}, bring enough to "
        f"{_target(claim)} for this: {claim['effect'][:1].lower()}{claim['effect'][1:]}, in "
        f"{share:g} % of the cells?"
    )


def _target(claim: Table) -> str:
    organ = f" of the {claim['organ']}" if claim["organ"] else ""
    return f"{claim['cell']}s{organ}"


def _context(summary: Table) -> tuple[tuple[str, str], ...]:
    claim = summary["claim"]
    kinds = ", ".join(dict.fromkeys(one["name"] for one in summary["mechanisms"]))
    return (
        ("quantity", "margin: log10 of the dose given over the dose that would be needed"),
        ("product", claim["product"]),
        ("dose and route", f"{claim['given']}, {claim['route']}"),
        ("target", _target(claim)),
        ("mechanisms", kinds),
        ("effect declared", claim["effect"] or "none"),
        ("decision supported", "whether a mechanism is worth a measurement, and which one"),
        ("influence of the model", "the physical axis only; evidence and law stand beside it"),
        ("consequence of a wrong answer", "not assessed: the claim declares no decision"),
    )


def _verification(summary: Table) -> tuple[Check, ...]:
    mechanisms = summary["mechanisms"]
    gap = max((abs(one["balance_gap"]) for one in mechanisms), default=0.0)
    removed = [held for one in mechanisms for held in one["invariants"]]
    failed = [one["removed"] for one in removed if not one["holds"]]
    halves = [
        share["total_halfwidth"]
        for one in mechanisms
        if one.get("finding")
        for share in one["finding"]["variance"]["shares"]
    ]
    checks = [
        Check(
            "balance of vesicles",
            "done",
            f"shares by place sum to 1 within {gap:.1g}, in every mechanism of this question",
        ),
        Check(
            "knock-outs",
            "done" if removed and not failed else "in part" if removed else "not done",
            f"{len(removed) - len(failed)} of {len(removed)} removals gave what they must"
            + (f"; failed: {', '.join(failed)}" if failed else ""),
        ),
        Check(
            "sampling error",
            "done" if halves else "not done",
            f"{summary['run']['draws']:,} draws; half-widths of the shares in the doubt up to "
            f"{max(halves):.2g}"
            if halves
            else "no margin, so no shares in the doubt",
        ),
        Check(
            "second person",
            "not done",
            "nobody but the author of the claim file has signed this question",
        ),
    ]
    return tuple(checks)


def _validation(summary: Table) -> tuple[Check, ...]:
    kinds = {one["kind"] for one in summary["mechanisms"]}
    checks = [_control(one, kinds) for one in summary["controls"]]
    checks.append(
        Check(
            "prediction of unseen results",
            "not done",
            "no held-out study of this product, dose and target was predicted before its result",
        )
    )
    return tuple(checks)


def _control(control: Table, kinds: set[str]) -> Check:
    name, rows = control["title"], control["rows"]
    known = _SCOPES.get(control["name"])
    bears = known is not None and bool(known[0] & kinds)
    scope = (
        f"exercises {known[1]}"
        if known is not None
        else "what it exercises is not described, so its bearing is not known"
    )
    if known is not None and not bears:
        scope += "; no mechanism of this question"
    wide = [row for row in rows if abs(row["high"] - row["low"]) > _WIDE_POINTS]
    numbers = [row for row in rows if row["published"] is not None]
    said = "reproduced" if control["passed"] else "MISSED"
    if not numbers:
        said += ", in sign or bound only"
    if wide:
        said += (
            f"; {len(wide)} of {len(rows)} intervals span more than {_WIDE_POINTS:g} percentage "
            f"points, so agreement tests little"
        )
    if not control["unchanged"]:
        said += "; its inputs changed after they were frozen"
    strong = bears and control["passed"] and control["unchanged"] and not wide and bool(numbers)
    state: State = "done" if strong else "in part" if bears and control["passed"] else "not done"
    return Check(f"control: {name}", state, f"{said}. It {scope}.")


def _applicability(summary: Table) -> tuple[Distance, ...]:
    evidence, claim = summary["evidence"], summary["claim"]
    return (
        _of_use(evidence),
        _of_mechanism(evidence, in_dish=claim["route"] == "in the dish"),
        _of_inputs(summary["mechanisms"]),
        _of_positions(summary["mechanisms"]),
        Distance(
            "dose",
            "not known",
            "the doses of recorded studies are not on one scale with this one, so no "
            "distance is computed",
        ),
    )


def _of_use(evidence: Table) -> Distance:
    rows = {row["row"]: row for row in evidence["tallies"]}
    counted = sum(row["studies"] for row in rows.values())
    aspect = "outcome in people"
    if not counted:
        why = "no recorded study is about this use; " + (
            "; ".join(evidence["unmatched"]) or "zero means none in the list"
        )
        return Distance(aspect, "outside", why)
    controlled, uncontrolled = rows["controlled"], rows["uncontrolled"]
    if controlled["studies"]:
        people = f"{controlled['studies']} controlled studies ({controlled['people']} people)"
        return Distance(aspect, "inside", f"{people} of this use; they bear on the effect only")
    if uncontrolled["studies"] or rows["combined"]["studies"]:
        return Distance(aspect, "near", "studied in people, without a control of vesicles alone")
    return Distance(aspect, "outside", "studied in animals or dishes, not in people")


def _of_mechanism(evidence: Table, *, in_dish: bool) -> Distance:
    rows = {row["row"]: row["studies"] for row in evidence["mechanism_tallies"]}
    aspect = "mechanism"
    people = rows.get("controlled", 0) + rows.get("combined", 0) + rows.get("uncontrolled", 0)
    if people:
        return Distance(aspect, "inside", f"{people} recorded studies in people look at it")
    if rows.get("in_vitro", 0) and in_dish:
        return Distance(aspect, "inside", f"{rows['in_vitro']} recorded studies in dishes")
    if rows.get("animal", 0):
        return Distance(aspect, "near", f"{rows['animal']} recorded studies in animals")
    if rows.get("in_vitro", 0):
        why = f"{rows['in_vitro']} recorded studies, all in dishes; the question is about a body"
        return Distance(aspect, "outside", why)
    return Distance(aspect, "not known", "no recorded study was asked for or found")


def _of_inputs(mechanisms: list[Table]) -> Distance:
    inputs = {one["role"]: one["status"] for held in mechanisms for one in held["inputs"]}
    unread = sum(status in _UNREAD for status in inputs.values())
    why = f"{unread} of {len(inputs)} inputs rest on a number that is assumed or recalled"
    reach: Reach = "inside" if not unread else "near" if 2 * unread <= len(inputs) else "outside"
    return Distance("inputs", reach, why)


def _of_positions(mechanisms: list[Table]) -> Distance:
    split = {
        rival["parameter"]
        for one in mechanisms
        if one.get("finding")
        for rival in one["finding"]["rivals"]
    }
    if not split:
        return Distance("agreement of sources", "not known", "no rival positions are recorded")
    return Distance(
        "agreement of sources", "near", f"sources disagree on {', '.join(sorted(split))}"
    )


def _budget(mechanism: Table) -> Budget:
    finding = mechanism["finding"]
    variance = finding["variance"]
    shares = {name: share for name, share in variance["by_status"].items() if name != "unread"}
    largest = sorted(variance["shares"], key=lambda one: -one["total"])[:3]
    turned = [one for one in finding["rivals"] if one["verdict"] != mechanism["verdict"]]
    settled = "; ".join(f"{one['position']!r} gives {one['verdict']}" for one in turned)
    caution = ""
    if variance["explained"] > _NOISY:
        caution = (
            f"First-order shares sum to {variance['explained']:.2g}, above 1: they are estimated "
            f"roughly; read the order only."
        )
    return Budget(
        mechanism["name"],
        tuple(sorted(shares.items(), key=lambda pair: -pair[1])),
        variance["by_status"].get("unread", 0.0),
        tuple((one["parameter"], one["status"], one["total"]) for one in largest),
        f"rival positions would change the verdict: {settled}"
        if turned
        else f"none of {len(finding['rivals'])} rival positions changes the verdict",
        f"{variance['evaluations']:,} evaluations; median margin {finding['margin']['p50']:.2g} "
        f"(90 %: {finding['margin']['p5']:.2g} to {finding['margin']['p95']:.2g})"
        if finding["margin"]["p50"] is not None
        else "nothing is delivered in the median draw",
        caution,
    )


def _reproducibility(run: Table) -> tuple[tuple[str, str], ...]:
    libraries = ", ".join(f"{name} {version}" for name, version in run["libraries"].items())
    inputs = "; ".join(f"{one['name']} sha256 {one['sha256']}" for one in run["inputs"])
    return (
        ("program", run["program"]),
        ("Python", run["python"]),
        ("libraries", libraries),
        ("seed", str(run["seed"])),
        ("inputs", inputs or "none beside the catalog"),
        ("command", run["command"]),
        (
            "same bytes",
            "the same seed, versions and inputs give the same summary on one machine type",
        ),
    )


def _factors(
    summary: Table,
    verification: tuple[Check, ...],
    validation: tuple[Check, ...],
    applicability: tuple[Distance, ...],
) -> tuple[Factor, ...]:
    balance, removals, sampling, second = verification
    rivals = sum(
        len(one["finding"]["rivals"]) for one in summary["mechanisms"] if one.get("finding")
    )
    bearing = [one for one in validation if one.state != "not done"]
    here: State = "in part" if bearing else "not done"
    names = "; ".join(one.name.removeprefix("control: ") for one in bearing) or "no control bears"
    inputs = next(one for one in applicability if one.aspect == "inputs")
    far = ", ".join(one.aspect for one in applicability if one.reach == "outside") or "none known"
    verify, validate, apply = "verification", "validation", "applicability"
    return (
        Factor(
            verify, "software quality assurance", "in part", "tests and rules run on every change"
        ),
        Factor(
            verify,
            "numerical code verification",
            "not done" if removals.state == "not done" else "in part",
            f"{removals.found}; analytic cases are tests of the program, not of this run",
        ),
        Factor(verify, "discretisation error", "does not apply", "no grid or time step"),
        Factor(
            verify, "numerical solver error", sampling.state, f"{balance.found}; {sampling.found}"
        ),
        Factor(verify, "use error", "in part", f"units and keys are checked; {second.found}"),
        Factor(
            validate,
            "model form",
            "in part" if rivals else "not done",
            f"{rivals} rival positions run; at {summary['run']['depth']} depth",
        ),
        Factor(validate, "model inputs", "in part", inputs.why),
        Factor(validate, "test samples", here, names),
        Factor(validate, "test conditions", here, "those of the published studies, as recorded"),
        Factor(
            validate, "equivalency of inputs", "not done", "no table of real against assumed inputs"
        ),
        Factor(validate, "output comparison", here, "interval against the published value"),
        Factor(
            apply,
            "relevance of the quantity",
            "in part",
            "controls score response or opening; the question asks for a margin",
        ),
        Factor(apply, "relevance of the validation", "in part", f"outside the data in: {far}"),
    )
