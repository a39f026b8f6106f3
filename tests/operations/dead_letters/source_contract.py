"""What each cloud's source of dead letters must do: a test class to inherit from."""

from __future__ import annotations

import time
from typing import Any

import pytest

from operations.dead_letters.letters import Letter
from operations.dead_letters.locations import Location
from operations.dead_letters.sources import Source
from support.samples import event
from twin_runtime.delivery.dead_letters import DeadLetter, decode

LOCATION = Location("aws", "processing", "queue", "a", "b")


class SourceContract:
    """`dead` is a location; `put` adds to it as functions do, `open` takes it for a run."""

    shortest_age = -60.0

    @pytest.fixture
    def dead(self) -> Any:
        raise NotImplementedError

    def put(self, dead: Any, *bodies: str) -> None:
        raise NotImplementedError

    def open(self, dead: Any) -> Source:
        raise NotImplementedError

    def texts(self, dead: Any) -> list[str]:
        """What a listing sees; takes nothing away."""
        with self.open(dead) as source:
            return sorted(message.body.decode() for page in source.pages() for message in page)

    def test_an_empty_location(self, dead: Any) -> None:
        assert self.texts(dead) == []

    def test_listing_takes_nothing_away_and_hides_nothing(self, dead: Any) -> None:
        bodies = [f'["é{number}"]' for number in range(35)]
        self.put(dead, *bodies)
        assert self.texts(dead) == sorted(bodies)
        assert self.texts(dead) == sorted(bodies)

    def test_it_says_when_a_message_came(self, dead: Any) -> None:
        self.put(dead, "[1]")
        with self.open(dead) as source:
            ((message,),) = source.pages()
        assert self.shortest_age <= time.time() - message.at < 60

    def test_what_is_deleted_is_gone_and_the_rest_stays(self, dead: Any) -> None:
        self.put(dead, *(f"[{number}]" for number in range(14)))
        with self.open(dead) as source:
            for page in source.pages():
                source.delete([message for message in page if int(message.body[1:-1]) % 2])
        assert self.texts(dead) == sorted(f"[{number}]" for number in range(0, 14, 2))

    def test_a_run_that_is_interrupted_gives_everything_back(self, dead: Any) -> None:
        self.put(dead, *(f"[{number}]" for number in range(14)))
        with pytest.raises(KeyboardInterrupt), self.open(dead) as source:
            next(iter(source.pages()))
            raise KeyboardInterrupt
        assert len(self.texts(dead)) == 14

    def test_letters_of_a_message_of_several_can_stay(self, dead: Any) -> None:
        self.put(dead, "[1]", "[2]")
        left = Letter(LOCATION, 1_700_000_000.0, DeadLetter("No.", event=event()), raw=event())
        with self.open(dead) as source:
            for page in source.pages():
                for message in page:
                    if message.body == b"[1]":
                        source.replace(message, [left])
        kept = [text for text in self.texts(dead) if text != "[2]"]
        (letter,) = decode(kept[0])
        assert letter.event == event()
        self.check_replaced(letter)

    def check_replaced(self, letter: DeadLetter) -> None:
        assert letter.reason == "No."
        assert letter.time == "2023-11-14T22:13:20.000000Z"
