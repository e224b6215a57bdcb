"""The reader of data to fit: what it reads, and one clear error for each thing it cannot."""

import math

import pytest

from exosome.assay.table import read_table
from exosome.core.errors import ExosomeError, InputError

HEAD = "study,species,kind,label,route,size,dose,time,organ,value,unit"
GOOD = "A 2015,mouse,vesicle,iodine125,iv,,1e10 vesicle,4 h,liver,28,%ID/organ"


def table(*rows, head=HEAD):
    return "\n".join((head, *rows)) + "\n"


def one(row, head=HEAD):
    (found,) = read_table(table(row, head=head), name="data.csv")
    return found


def test_a_value():
    found = one(GOOD)
    assert found.sees == "organ"
    assert found.told.is_value
    assert found.told.low == pytest.approx(math.log(28))
    assert found.experiment.particles == (1e10, 1e10)
    assert found.hours == 4.0
    assert found.scale_power == 1


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [("<10", 0, 10), (">3", 3, math.inf), ("6.9-8.8", 6.9, 8.8), ("~7", 7, 7), ("2e-1", 0.2, 0.2)],
)
def test_limits_and_intervals(value, low, high):
    told = one(GOOD.replace(",28,", f",{value},")).told
    assert math.exp(told.low) == pytest.approx(low)
    assert math.exp(told.high) == pytest.approx(high)


def test_an_order():
    found = one(GOOD.replace("liver,28,%ID/organ", "spleen > liver,,rank"))
    assert (found.sees, found.what, found.other) == ("order", "spleen", "liver")
    assert (found.told.low, found.told.high) == (0.0, math.inf)
    assert found.errors == 2.0


def test_constants_come_in_their_own_units():
    found = one(GOOD.replace("4 h,liver,28,%ID/organ", "24 h,blood_CL,0.0054-0.0154,mL/min"))
    assert math.exp(found.told.low) == pytest.approx(0.0054 * 60)
    assert found.scale_power == -1
    assert one(GOOD.replace("4 h,liver,28,%ID/organ", ",blood_t1/2,<10,min")).hours == 24.0


def test_doses():
    span = one(GOOD.replace("1e10 vesicle", "1e9-1e11 vesicle")).experiment.particles
    assert span == (1e9, 1e11)
    assert one(GOOD.replace("1e10 vesicle", "")).experiment.particles is None
    head = HEAD + ",material,core"
    row = GOOD.replace("vesicle,iodine125,iv,,1e10 vesicle", "peg_rigid,core,iv,55.5 nm,3 mg/kg")
    mass = one(row + ",gold,24.3 nm", head=head).experiment.mass
    assert (mass.mg, mass.per_kg, mass.material, mass.core_nm) == (3.0, True, "gold", 24.3)


BAD = {
    "bare dose": (GOOD.replace("1e10 vesicle", "1e10"), "has no unit"),
    "mass of what": (GOOD.replace("1e10 vesicle", "10 mg/kg"), "a mass of what"),
    "protein dose": (GOOD.replace("1e10 vesicle", "100 ug_protein"), "not a number of particles"),
    "unknown organ": (GOOD.replace("liver", "livr"), "'livr' is no organ"),
    "NaN": (GOOD.replace(",28,", ",nan,"), "no value"),
    "empty": (GOOD.replace(",28,", ",,"), "is no number"),
    "zero": (GOOD.replace(",28,", ",0,"), "a value of 0"),
    "negative": (GOOD.replace(",28,", ",-3,"), "a value of -3"),
    "unit": (GOOD.replace("%ID/organ", "umol/l"), "no unit"),
    "label": (GOOD.replace("iodine125", "paint"), "no label"),
    "species": (GOOD.replace("mouse", "ferret"), "no species"),
    "no time": (GOOD.replace("4 h", ""), "no time"),
    "time without unit": (GOOD.replace("4 h", "4"), "'4'"),
    "rigid without size": (GOOD.replace("vesicle,io", "rigid,io"), "size of a rigid"),
    "order with a value": (GOOD.replace("liver", "liver > spleen"), "has no value"),
    "reversed": (GOOD.replace(",28,", ",30-20,"), "ends before"),
    "too many fields": (GOOD + ",1", "more fields"),
}


@pytest.mark.parametrize("why", BAD)
def test_a_bad_row_gives_one_clear_error(why):
    row, words = BAD[why]
    with pytest.raises(ExosomeError, match=r"data\.csv:2") as caught:
        one(row)
    assert words in str(caught.value)
    assert "Remedy" in str(caught.value)


def test_mixed_units_are_refused():
    other = GOOD.replace("liver,28,%ID/organ", "spleen,12,%ID/g")
    with pytest.raises(InputError, match="mixes units: '%ID/organ' in row 2 and '%ID/g'"):
        read_table(table(GOOD, other), name="data.csv")


@pytest.mark.parametrize("column", ["study", "species", "dose", "unit"])
def test_missing_columns_are_named(column):
    at = HEAD.split(",").index(column)
    head, row = (
        ",".join(x for i, x in enumerate(line.split(",")) if i != at) for line in (HEAD, GOOD)
    )
    with pytest.raises(InputError, match=f"missing column: {column}"):
        one(row, head=head)


def test_a_table_without_time_is_refused():
    with pytest.raises(InputError, match="missing column: time"):
        one(GOOD.replace("4 h,", ""), head=HEAD.replace("time,", ""))


def test_unknown_columns_are_refused():
    with pytest.raises(InputError, match="unknown key 'organs'"):
        one(GOOD + ",liver", head=HEAD + ",organs")


def test_an_empty_table_is_refused():
    with pytest.raises(InputError, match="no rows"):
        read_table(table(), name="data.csv")


SEEN = (  # rows as they stand in a published collection, in its own columns
    "study,doi,species,ev_source,label,route,dose,time_h,organ,value,unit,sd,n,status,note",
    (
        "Morishita 2015,10.1002/jps.24251,mouse,B16BL6 exosomes,125I-biotin/SAV-lactadherin,IV,,4,"
        'liver,28,%ID/organ,,,read,"abstract seen"'
    ),
    (
        "row ref 22,10.3390/pharmaceutics11120649,mouse CD-1,exosomes (fluorophore),fluorophore,IV,"
        "10 nmol dye,,blood_t1/2_alpha,6.85-8.79,min,,,read,Table 1"
    ),
    (
        "row ref 26,10.3390/pharmaceutics11120649,mouse (PD model),macrophage exosomes,125I,IV,"
        "4e5 cpm,,CL,0.016,mL/min,,,read,Table 1"
    ),
    (
        "Study1.csv,PMID:19936708,mouse,comparator: SiO2 20 nm,125I,IV,10 mg/kg,24,liver,43.29,"
        "%ID/g,,,read,digitised"
    ),
    (
        "Study2.csv,PMID:29677597,mouse,comparator: PEG-Au 55.5 nm hydrodynamic,ICP,IV,3 mg/kg,4,"
        "kidney,4.0374,%ID/g,,,read,digitised"
    ),
)


def test_rows_of_a_published_collection_are_read_as_they_stand():
    found = read_table("\n".join(SEEN) + "\n", name="seen.csv")
    kinds = [x.experiment.kind for x in found]
    assert kinds == ["vesicle", "vesicle", "vesicle", "rigid", "peg_rigid"]
    assert [x.experiment.label for x in found] == [
        "iodine125", "dye", "iodine125", "iodine125", "core"
    ]  # fmt: skip
    assert found[3].experiment.mass.material == "silica"
    assert found[4].experiment.diameter_nm == 55.5
    assert found[1].experiment.particles is None
