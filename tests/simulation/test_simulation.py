"""Every role of a twin in one world, in which services fail and processes die: see `simulation.run`."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path

import pytest

from simulation import ledger, plan, run
from simulation.mutants import MUTANTS
from simulation.plan import Fault, Step
from simulation.world import World

CHUNK = 250
HAPPENS = {
    "faults": 1_000,
    "deaths": 200,
    "letters": 300,
    "effects": 200,
    "moved": 2_000,
    "archived": 300,
    "expired": 10,
    "lapsed": 10,
    "conflicts": 1,
    "pages that leave out": 100,
}
"""How often at least, in so many seeds: files moved to the cold tier and archived, rows that expire, files
that a rule deletes, rows that a file has with other data.
"""


@pytest.mark.parametrize("start", [1_000_000])
def test_some_seeds(start: int) -> None:
    _, failed = run.run(range(start, start + 50))
    assert failed == {}


@pytest.mark.matrix
@pytest.mark.parametrize("start", range(0, 2_000, CHUNK))
def test_a_minute_of_seeds(start: int) -> None:
    totals, failed = run.run(range(start, start + CHUNK))
    assert failed == {}
    rare = {kind: totals[f"steps of {kind}"] for kind in plan.KINDS}
    assert min(rare.values()) > CHUNK / 5, rare
    came = {what: totals[what] for what in HAPPENS}
    assert all(came[what] >= least for what, least in HAPPENS.items()), came


@pytest.mark.slow
@pytest.mark.parametrize("start", range(2_000, 10_000, CHUNK))
def test_ten_thousand_seeds(start: int) -> None:
    _, failed = run.run(range(start, start + CHUNK))
    assert failed == {}


@pytest.mark.parametrize("seed", range(4))
def test_under_fifty_deliveries_kills_rotation_and_reordering(seed: int) -> None:
    """The ledger asserts exact counts: of executions and commands one, and one more at most for each death
    between a call and its record; of rows and dead letters those of one delivery.
    """
    made = plan.campaign(seed)
    with World(made) as world:
        totals = world.run()
        messages = [each for waits in world.waits() for each in waits.known]
        assert messages and all(each.left == 0 for each in messages)
        stored = {number for number, _ in world.ledger.rows}
        letters = {number for number, reasons in world.ledger.letters.items() if reasons}
        assert stored | letters == set(world.ledger.expected)
    assert totals["deliveries"] >= 50 * len(messages)
    assert totals["deaths"] >= 5


@pytest.mark.parametrize("seed", range(3))
def test_with_the_process_of_user_code(seed: int, tmp_path: Path) -> None:
    folder = tmp_path / "processors"
    folder.mkdir()
    constants = f"from __future__ import annotations\nFAILS, SPLITS = {ledger.FAILS}, {ledger.SPLITS}\n"
    (folder / "pump.py").write_text(constants + inspect.getsource(ledger.process))
    steps = plan.make(seed).steps
    pumps = tuple(Step("publish", (0, content)) for content in range(3))
    with World(plan.Plan(seed, plan.Layout(), pumps + steps[:25]), root=tmp_path) as world:
        world.run()
        assert any(row.subject == "pump" for row in world.ledger.rows.values())


def test_a_seed_replays_exactly() -> None:
    for seed in (3, 4, run.CAMPAIGN_EVERY - 1):
        traces: list[list[str]] = [[], []]
        for trace in traces:
            run.simulate(run.plan_of(seed), trace.append)
        assert traces[0] == traces[1] != []


def test_a_failing_seed_is_shrunk_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    fault = next(
        each for each in MUTANTS if each.name == "connector takes an event to be sent again for sent"
    )
    with fault.planted():
        seed = next(seed for seed in range(100) if run.failure(run.plan_of(seed)))
        assert run.main(["--start", str(seed), "--seeds", "1", "--jobs", "1"]) == 1
        short, lines = run.shortest(run.plan_of(seed))
        assert run.failure(short) and len(short.steps) < len(run.plan_of(seed).steps) / 3
    assert "neither stored nor dead-lettered" in lines[-1]
    printed = capsys.readouterr().out.splitlines()
    assert printed[-2] == lines[-1]
    assert printed[-1].startswith(f"1 seeds from {seed}, ") and " 1 failed; " in printed[-1]
    assert run.main(["--start", str(seed), "--seeds", "1", "--jobs", "1"]) == 0


def test_a_list_of_steps_is_a_simulation_whatever_is_left_out() -> None:
    made = plan.make(11)
    for at in range(0, len(made.steps), 7):
        assert run.failure(replace(made, steps=made.steps[:at] + made.steps[at + 7 :])) == ""


def test_every_fault_and_step_happens() -> None:
    steps = [step for seed in range(300) for step in plan.make(seed).steps]
    assert (
        {step.kind for step in steps}
        == {name for name in vars(World) if name in plan.KINDS}
        == set(plan.KINDS)
    )
    faults = {
        fault for step in steps if step.kind == "work" for fault in plan.faults_of(step.numbers[2:]).values()
    }
    assert faults == set(Fault)
