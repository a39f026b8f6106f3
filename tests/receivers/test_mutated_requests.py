"""Mutated requests: none that is not authentic is accepted, none at all is an error of ours, and of what is
authentic only events are taken.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receivers import campaigns, file_campaigns, files, graph_reads, reads
from receivers.requests import RECEIVERS
from support.deployed import Functions
from twin_runtime.roles import Cloud

REQUESTS = 100_000
SHARDS = 4
"""Of a function's requests, each with a seed of its own."""
EXAMPLES = 150
CAMPAIGNS = dict.fromkeys(RECEIVERS, campaigns.Receiver) | dict.fromkeys(
    files.STORES, file_campaigns.FileReceiver
)
READERS = {"hot_reader": reads, "twin_reader": graph_reads}
bounded = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        yield pool


@pytest.mark.slow
@pytest.mark.parametrize("cloud", Cloud)
@pytest.mark.parametrize("role", CAMPAIGNS)
def test_a_receiver_takes_none_of_100_000(cloud: str, role: str, processes: ProcessPoolExecutor) -> None:
    each = REQUESTS // SHARDS
    reports = [
        future.result()
        for future in [
            processes.submit(campaigns.receive, CAMPAIGNS[role], cloud, role, seed, each)
            for seed in range(SHARDS)
        ]
    ]
    check(reports)
    authentic = sum(report.statuses[200] for report in reports)
    total = sum(sum(report.statuses.values()) for report in reports)
    assert total >= REQUESTS + SHARDS * (each // campaigns.AUTHENTIC), "a file may be several requests"
    assert authentic > REQUESTS / campaigns.AUTHENTIC / 2, "most authentic batches have an event that is one"
    assert min(sum(getattr(report, name) for report in reports) for name in ("accepted", "rejected")) > 1_000


@pytest.mark.slow
@pytest.mark.parametrize("cloud", Cloud)
@pytest.mark.parametrize("role", READERS)
def test_a_reader_tells_of_nothing_else_in_100_000(
    cloud: str, role: str, processes: ProcessPoolExecutor
) -> None:
    reports = [
        future.result()
        for future in [
            processes.submit(campaigns.read, cloud, role, seed, REQUESTS // SHARDS) for seed in range(SHARDS)
        ]
    ]
    check(reports)
    assert sum(report.statuses[200] for report in reports) > REQUESTS / 5
    assert sum(report.statuses[400] for report in reports) > REQUESTS / 5
    assert sum(report.accepted for report in reports) > REQUESTS / 5


def check(reports: list[campaigns.Report]) -> None:
    assert [report.failure for report in reports if report.failure] == []


@pytest.mark.matrix
@pytest.mark.parametrize("cloud", Cloud)
@pytest.mark.parametrize("role", CAMPAIGNS)
def test_a_receiver_takes_none_of_hundreds(cloud: str, role: str, functions: Functions) -> None:
    receiver = CAMPAIGNS[role](functions, cloud, role)

    @bounded
    @given(st.randoms(use_true_random=False))
    def mutated(chance: Random) -> None:
        receiver.mutated(chance)

    @bounded
    @given(st.randoms(use_true_random=False))
    def spoilt(chance: Random) -> None:
        receiver.spoilt(chance)

    mutated()
    receiver.check_nothing_is_durable()
    spoilt()


@pytest.mark.matrix
@pytest.mark.parametrize("cloud", Cloud)
@pytest.mark.parametrize("role", READERS)
def test_a_reader_tells_of_nothing_else_in_hundreds(cloud: str, role: str, functions: Functions) -> None:
    reader = READERS[role].Reader(functions, cloud)

    @bounded
    @given(st.randoms(use_true_random=False))
    def read(chance: Random) -> None:
        for _ in range(2):
            wire = reader.mutated(chance)
            reader.check(wire, reader.platform(wire))

    read()
