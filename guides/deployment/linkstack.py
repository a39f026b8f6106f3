"""What the stack `links` writes at a cloud's ends of the links that cross clouds."""

from collections.abc import Iterator

from guides import twins, words
from twin_runtime.roles import Cloud
from twinspan.inventory import LinkEnd
from twinspan.topology import LINKS_STACK, Link


def ends(cloud: Cloud) -> tuple[LinkEnd, ...]:
    """Every end that a cloud can have: the spread twins have them between them. In the order of the links."""
    return tuple(end for _, end in sorted(_ends(cloud), key=lambda pair: (pair[0], not pair[1].sends)))


def _ends(cloud: Cloud) -> Iterator[tuple[int, LinkEnd]]:
    for placement in twins.SPREAD:
        numbers = {link: number for number, link in enumerate(twins.topology(placement).wired_links)}
        for end in twins.inventory(placement, LINKS_STACK).all(LinkEnd):
            if end.cloud is cloud:
                yield numbers[end.link], end


def reader(link: Link, *, sends: bool) -> str:
    """Who reads the secret at an end of a link."""
    role = link.sender if sends else link.receiver
    return words.TITLES[role.value] if role else "Grafana"
