"""One run of a body at the middle of every number, for any design."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from exosome.body.observe import ledger, vesicles
from exosome.body.particles import network, roles_of, values_of
from exosome.body.physiology import body
from exosome.body.sizes import size_classes
from exosome.catalog.load import load_catalog
from exosome.delivery.pool import pool
from exosome.numerics.network import mean_fields

CATALOG = load_catalog()
HOURS = (0.0, 1 / 30, 0.25, 1.0, 4.0, 24.0)


@dataclass
class Run:
    design: object
    hours: np.ndarray
    values: dict
    found: object
    numbers: dict
    held: object
    dose: float

    def of(self, name):
        return self.found.of(name)[0]

    def percent(self, organ):
        return 100.0 * vesicles(self.design, self.of)[organ] / self.dose

    def at(self, name, hour):
        return float(self.of(name)[int(np.argmin(np.abs(self.hours - hour)))])

    @property
    def gap(self):
        """The larger gap of the two ledgers, over the dose."""
        doses = 1.0 + np.sum([self.hours >= t for t in self.design.repeats_h], axis=0)
        doses = doses * np.ones(self.hours.size)
        if self.design.infusion_h:
            doses = np.minimum(self.hours / self.design.infusion_h, 1.0)
        label = self.dose + self.values["dose_impurity"]
        sheet = ledger(self.design, self.of, self.dose * doses, label * doses)
        return max(sheet.vesicle_gap, sheet.label_gap)


@pytest.fixture(scope="session")
def dosed():
    def run(design, *, dose=1e10, species="mouse", nm=100.0, gsd=1.4, aggregates=None,
            tumour_ml=0.0, change=None, numbers=None, hours=HOURS):  # fmt: skip
        middle = {role: pool(CATALOG, role, where="test").median for role in roles_of(design)}
        middle |= numbers or {}
        held = replace(body(species), tumour_ml=tumour_ml)
        sizes = replace(size_classes(nm, gsd, design.classes), aggregates=aggregates)
        values = values_of(design, held, sizes, middle, dose=dose, change=change)
        hours = np.asarray(hours, dtype=float)
        found = mean_fields(
            network(design, values), hours, values=values,
            relative_tolerance=1e-8, absolute_tolerance=1e-13 * dose, workers=1,
        )  # fmt: skip
        return Run(design, hours, values, found, middle, held, dose)

    return run
