"""What the simulation is worth: of the planted faults, which it finds in 1,000 seeds.

`make simulation-worth` measures how many of 1,000 seeds find each.
"""

from __future__ import annotations

import pytest

from simulation import run
from simulation.mutants import MUTANTS, Mutant
from simulation.worth import SEEDS


def test_there_are_thirty_faults() -> None:
    assert len({fault.name for fault in MUTANTS}) == len(MUTANTS) >= 30


@pytest.mark.parametrize("fault", MUTANTS, ids=lambda fault: fault.name)
def test_every_fault_can_be_planted(fault: Mutant) -> None:
    with fault.planted():
        pass


@pytest.mark.slow
@pytest.mark.parametrize("fault", MUTANTS, ids=lambda fault: fault.name)
def test_the_simulation_finds(fault: Mutant) -> None:
    with fault.planted():
        assert any(run.failure(run.plan_of(seed)) for seed in range(SEEDS))
