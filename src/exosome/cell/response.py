"""What a cell needs before it responds, mechanism by mechanism."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exosome.core.constants import AVOGADRO_PER_MOL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Amount = NDArray[np.float64]


def occupied_share(copies: Amount, sites: Amount, kd_copies: Amount) -> Amount:
    """Return the share of target sites that ``copies`` of a miRNA occupy at equilibrium.

    Titration of a pool of ``sites`` (T) by ``copies`` (M) with dissociation
    constant K, all as copies in one cell:
    ``theta = (M + T + K - sqrt((M + T + K)² - 4 M T)) / 2 T``. It holds for one
    class of sites in a well-mixed cell; decay of the miRNA with its target
    (target-directed degradation) is left out.
    """
    total = copies + sites + kd_copies
    # The product form keeps its digits where copies are few and the root nearly cancels.
    return 2.0 * copies / (total + np.sqrt(total**2 - 4.0 * copies * sites))


def copies_for_occupied_share(share: float, sites: Amount, kd_copies: Amount) -> Amount:
    """Return the copies that occupy a ``share`` of the sites: the inverse of the titration.

    Bound copies are ``share * T``; free copies are ``K share / (1 - share)``.
    """
    return share * sites + kd_copies * share / (1.0 - share)


def odds(share: float) -> float:
    """Return how many half-maximal doses give a ``share`` of the maximum (hyperbolic law)."""
    return share / (1.0 - share)


def turnover_um_per_h(
    enzymes: Amount, kcat_per_s: Amount, substrate_um: Amount, km_um: Amount, volume_ml: Amount
) -> Amount:
    """Return how fast enzymes raise their product's concentration, in µM per hour.

    Michaelis-Menten turnover in a well-mixed volume with a substrate that is
    held constant. It stops holding where the substrate runs out or where
    diffusion to the enzyme limits (many copies on one vesicle).
    """
    per_s = enzymes * kcat_per_s * substrate_um / (km_um + substrate_um)
    return per_s * 3600.0 / (AVOGADRO_PER_MOL * volume_ml * 1e-3) * 1e6


def concentration_nm(molecules: Amount, volume_ml: Amount) -> Amount:
    """Return the concentration of ``molecules`` spread through a volume, in nM."""
    return molecules / (AVOGADRO_PER_MOL * volume_ml * 1e-3) * 1e9


def engaged_per_vesicle(
    ligands: Amount, receptors: Amount, cell_surface_um2: Amount, patch_nm2: Amount
) -> Amount:
    """Return the receptors that one bound vesicle engages, on average.

    A tethered vesicle reaches the receptors in its contact patch and no others,
    and has no more ligands to offer than it carries:
    ``min(ligands, receptors x patch / surface)``, never more than all. A bulk dissociation constant
    does not apply. Receptor diffusion into the patch and wrapping of the vesicle
    by the membrane would raise it.
    """
    within_reach = receptors * np.minimum(patch_nm2 * 1e-6 / cell_surface_um2, 1.0)
    return np.minimum(ligands, within_reach)
