"""The antibody test with nothing fitted."""

import pytest

from exosome.catalog.load import load_catalog
from exosome.study.body_protein import average_fold_error, compare_antibody


@pytest.fixture(scope="module")
def rows():
    return compare_antibody(load_catalog())


def test_the_antibody_is_predicted_without_fitting(rows):
    assert len(rows) == 97
    without_brain = [one for one in rows if one.point.organ != "brain"]
    assert average_fold_error(without_brain) <= 1.5
    assert average_fold_error(rows) <= 2.0


def test_the_misses_are_where_they_were(rows):
    # Kept in sight: brain is several times too high even with its blood taken off, heart too low.
    brain = [one for one in rows if one.point.organ == "brain"]
    heart = [one for one in rows if one.point.organ == "heart"]
    assert average_fold_error(brain) > 5.0
    assert all(one.log_fold < 0.0 for one in heart)
