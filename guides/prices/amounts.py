"""Amounts as pages show them. Halves are rounded up, here and in `usd` of templates/guides/decisions.js."""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def usd(amount: Decimal) -> str:
    """US dollars to the cent, or to two figures below a cent.

    >>> [usd(Decimal(text)) for text in ("1.745", "1.7449", "0.005", "0.000725", "0")]
    ['1.75', '1.74', '0.0050', '0.00073', '0']
    """
    if not amount:
        return "0"
    return f"{_rounded(amount, CENT) if amount >= CENT else _figures(amount):f}"


def number(amount: Decimal) -> str:
    """A quantity with two figures at least.

    >>> [number(Decimal(text)) for text in ("40000", "142.5", "14.25", "0.0041095")]
    ['40,000', '143', '14', '0.0041']
    """
    if amount >= 100:
        return f"{_rounded(amount, Decimal(1)):,f}"
    return f"{_figures(amount).normalize():f}"


def _figures(amount: Decimal) -> Decimal:
    """Rounded to two figures."""
    return _rounded(amount, Decimal(1).scaleb(amount.adjusted() - 1))


def _rounded(amount: Decimal, to: Decimal) -> Decimal:
    return amount.quantize(to, ROUND_HALF_UP)
