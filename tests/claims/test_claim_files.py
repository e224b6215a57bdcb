"""Claim files: those that come along, and every way a person's own file can be wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from exosome.catalog.load import load_catalog
from exosome.claims.claim import (
    bundled_claims,
    find_claim,
    read_claim,
)
from exosome.claims.controls import control_names, read_control
from exosome.core.errors import InputError, MissingRecordError, UnitMismatchError
from exosome.delivery.problem import pose
from exosome.study.plan import plan
from exosome.study.scenario import questions

if TYPE_CHECKING:
    from pathlib import Path

GOOD = bundled_claims()["mirna-liver-kupffer"].read_text("utf-8")
DISH = bundled_claims()["immune-cells-in-a-dish"].read_text("utf-8")
AMOUNT = 'amount = "1.2e12 particle"'
NEED = "occupied_share = 0.3"


def refusal(folder: Path, text: str | bytes, name: str = "mine.toml") -> InputError:
    """The one error that reading and planning a file gives."""
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as e:
        plan(read_claim(file), load_catalog(), seed=1, where=str(file))
    assert e.value.what
    assert e.value.remedy
    assert str(file) in e.value.where, e.value.where
    return e.value


@pytest.mark.parametrize("name", sorted(bundled_claims()))
def test_every_bundled_claim_can_be_asked(name: str) -> None:
    claim = read_claim(find_claim(name))
    planned = plan(claim, load_catalog(), seed=1, where=name)
    assert len(planned.problems) == len(claim.mechanism)
    assert all(len(one.roles) > 2 for one in planned.problems)
    assert claim.claim.words
    assert claim.claim.speaker
    assert claim.claim.interest
    assert all(re.fullmatch(r"S\d\d", statement) for statement in claim.claim.statements)


def test_every_control_can_be_asked_and_only_controls_are_listed() -> None:
    for name in control_names():
        (asked,) = questions(read_control(name), where=name)
        assert pose(asked, load_catalog()).roles


def test_a_claim_is_found_by_name_or_by_path(tmp_path: Path) -> None:
    assert find_claim("cd73-joint") == bundled_claims()["cd73-joint"]
    assert find_claim(str(tmp_path / "mine.toml")) == tmp_path / "mine.toml"
    with pytest.raises(InputError, match="cd73-jiont") as e:
        find_claim("cd73-jiont")
    assert "'cd73-joint'" in e.value.remedy


# What stood in a good claim, what stands in its place, and the words of the error: what is
# wrong, and what the remedy must name.
WRONG = {
    "key": ('organ = "liver"', 'orgam = "liver"', "unknown key 'orgam'", "'organ'"),
    "key of a mechanism": (
        NEED,
        "ocupied_share = 0.3",
        "unknown key 'ocupied_share'",
        "'occupied_share'",
    ),
    "key of a packing": (NEED, "packing = { copis = 100 }", "'copis'", "'copies'"),
    "key of the effect": (
        "responding_fraction",
        "respondin_fraction",
        "unknown key 'respondin_fraction'",
        "'responding_fraction'",
    ),
    "table": ("[evidence]", "[evidense]", "unknown key 'evidense'", "'evidence'"),
    "kind": ('kind = "luminal_rna"', 'kind = "luminal_rnaa"', "'luminal_rnaa'", "'luminal_rna'"),
    "route": ('route = "intravenous"', 'route = "intravenus"', "'intravenus'", "'intravenous'"),
    "hedge": ('hedge = "none"', 'hedge = "nonee"', "'nonee'", "'none'"),
    "opening": (NEED, 'opening = "all"', "'all'", "'all_or_none'"),
    "version": ("schema_version = 1", "schema_version = 2", "1", ""),
    "fraction above 1": (
        "responding_fraction = 0.5",
        "responding_fraction = 50",
        "less than 1",
        "",
    ),
    "share as NaN": (NEED, "occupied_share = nan", "finite", ""),
    "share as text": (NEED, 'occupied_share = "0.3"', "number", ""),
    "upper case": ('cell = "kupffer_cell"', 'cell = "Kupffer_cell"', "lower-case", ""),
    "bare number": (AMOUNT, 'amount = "1e11"', "'1e11' has no unit", "vesicle"),
    "number, not text": (AMOUNT, "amount = 1e11", "string", ""),
    "mass of what": (AMOUNT, 'amount = "100 ug"', "protein, RNA or drug", "100 ug_protein"),
    "moles of what": (AMOUNT, 'amount = "2 nmol"', "moles of what", "pmol_phospholipid"),
    "negative": (AMOUNT, 'amount = "-1 particle"', "-1 particle", "above zero"),
    "zero": (AMOUNT, 'amount = "0 particle"', "0 particle", "above zero"),
    "NaN": (AMOUNT, 'amount = "nan particle"', "not finite", ""),
    "infinite": (AMOUNT, 'amount = "inf particle"', "not finite", ""),
    "exosomes": (AMOUNT, 'amount = "1e11 exosomes"', "'exosomes'", "'vesicle'"),
    "concentration": (AMOUNT, 'amount = "1e10 particle/mL"', "concentration", "volume"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_error_names_the_line_and_the_way_out(case: str, tmp_path: Path) -> None:
    old, new, what, remedy = WRONG[case]
    assert GOOD.count(old) >= 1
    text = GOOD.replace(old, new, 1)
    found = refusal(tmp_path, text)
    assert what in found.what
    assert remedy in found.remedy
    line = next(i for i, one in enumerate(text.splitlines(), 1) if new in one)
    # A wrong kind is a fault of the whole table, which starts on the line before.
    lines = {line, line - 1} if case == "kind" else {line}
    assert any(f"mine.toml:{n} " in found.where for n in lines), found.where
    assert "pydantic" not in str(found)


def test_a_quantity_of_the_target_is_refused_at_its_own_line(tmp_path: Path) -> None:
    for given, error in (("1e4", "has no unit"), ("1e4 vesicle", "not a quantity in cell")):
        text = DISH.replace('cells = "1e4 cell"', f'cells = "{given}"', 1)
        found = refusal(tmp_path, text)
        assert isinstance(found, UnitMismatchError)
        assert error in found.what
        line = next(i for i, one in enumerate(text.splitlines(), 1) if one.startswith("cells"))
        assert f"mine.toml:{line}" in found.where
        assert "target.cells" in found.where


def test_a_volume_is_refused_at_its_own_mechanism(tmp_path: Path) -> None:
    head, _, tail = DISH.rpartition('volume = "0.1 mL"')
    text = f'{head}volume = "0.1 mg"{tail}'
    found = refusal(tmp_path, text)
    line = next(i for i, one in enumerate(text.splitlines(), 1) if "0.1 mg" in one)
    assert f"mine.toml:{line}" in found.where


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('cell = "kupffer_cell"\n', "cell"),
        ('outcome = "Targets of one miRNA fall by 30 % in the responding cells"\n', "outcome"),
        ('speaker = "Reviews quoted by a stem-cell clinic"\n', "speaker"),
        ("schema_version = 1\n", "schema_version"),
        ('cargo = "natural_mirna"\n', "cargo"),
        (f"{AMOUNT}\n", "amount"),
    ],
)
def test_a_missing_key_is_named(line: str, key: str, tmp_path: Path) -> None:
    assert line in GOOD
    found = refusal(tmp_path, GOOD.replace(line, "", 1))
    assert key in found.what


def test_a_missing_kind_is_said_in_plain_words(tmp_path: Path) -> None:
    found = refusal(tmp_path, GOOD.replace('kind = "luminal_rna"\n', "", 1))
    assert "kind" in found.what
    assert "discriminator" not in found.what
    assert "luminal_rna" in str(found)


def test_a_table_in_place_of_a_list_of_tables_is_refused(tmp_path: Path) -> None:
    found = refusal(tmp_path, GOOD.replace("[[mechanism]]", "[mechanism]", 1))
    assert "mechanism" in found.where
    assert "[[mechanism]]" in str(found)


def test_cells_and_cargo_masses_are_no_dose_of_vesicles(tmp_path: Path) -> None:
    for given, metric in (("1e8 cell", "cell"), ("5 mL", "ml"), ("10 mg_drug", "ug_drug")):
        found = refusal(tmp_path, GOOD.replace(AMOUNT, f'amount = "{given}"', 1))
        assert metric in found.what
        assert "particle" in found.remedy


@pytest.mark.parametrize(
    ("old", "new", "role", "known"),
    [
        (
            'organ = "liver"',
            'organ = "livre"',
            "organ_signal.intravenous.livre",
            "organ_signal.intravenous.liver",
        ),
        (
            'cell = "kupffer_cell"',
            'cell = "kuppfer_cell"',
            "uptake_share.liver.kuppfer_cell",
            "uptake_share.liver.kupffer_cell",
        ),
        (
            'cargo = "natural_mirna"',
            'cargo = "natural_mrna"',
            "copies_per_particle.natural_mrna",
            "copies_per_particle.natural_mirna",
        ),
    ],
)
def test_names_that_the_catalog_does_not_know_are_told_with_those_it_does(
    old: str, new: str, role: str, known: str, tmp_path: Path
) -> None:
    found = refusal(tmp_path, GOOD.replace(old, new, 1))
    assert isinstance(found, MissingRecordError)
    assert repr(role) in found.what
    assert known in found.remedy
    assert "--numbers" in found.remedy


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"  \n\n", "empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "text"),
        (GOOD.encode("utf-16"), "text"),
        (b"a" * 10_000_000, "larger"),
        (b"schema_version = = 1", "TOML"),
        (b"schema_version = 1\nschema_version = 1", "TOML"),
        (b"[" * 5000, "TOML"),
        (b'just = "a table"\n', "just"),
    ],
    ids=["empty", "blank", "image", "utf-16", "10 MB", "syntax", "twice", "deep", "other"],
)
def test_what_is_no_claim_file_gives_one_error(content: bytes, what: str, tmp_path: Path) -> None:
    assert what in refusal(tmp_path, content).what


def test_a_directory_and_a_missing_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="directory"):
        read_claim(tmp_path)
    (tmp_path / "mine.toml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(InputError, match="does not exist") as e:
        read_claim(tmp_path / "mien.toml")
    assert "mine.toml" in e.value.remedy


def test_comments_order_and_byte_marks_do_not_matter(tmp_path: Path) -> None:
    head, effect, rest = re.split(r"(?m)^(?=\[effect\]|\[\[mechanism\]\])", GOOD)
    moved = f"{head}{rest}\n{effect}"
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbf" + moved.encode())
    assert read_claim(tmp_path / "a.toml") == read_claim(find_claim("mirna-liver-kupffer"))
