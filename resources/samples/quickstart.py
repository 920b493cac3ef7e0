"""Steps of one's own, traced by hand: a pipeline that ranks three products for a shopper. Runs offline."""

from __future__ import annotations

import time

import flowscope

CATALOGUE = {
    "Kettle Mono": {"price": 39.0, "words": "kettle steel quiet one litre"},
    "Kettle Duo": {"price": 59.0, "words": "kettle glass temperature two litres tea"},
    "Teapot Sora": {"price": 24.0, "words": "teapot ceramic tea one litre"},
}


@flowscope.trace
def search(wish: str) -> list[str]:
    """Find the products that share a word with the wish."""
    time.sleep(0.03)
    return [name for name, product in CATALOGUE.items() if set(wish.split()) & set(str(product["words"]).split())]


@flowscope.trace("rank")
def rank(names: list[str], budget: float) -> list[str]:
    """Put the best within the budget first."""
    time.sleep(0.05)
    affordable = [name for name in names if float(str(CATALOGUE[name]["price"])) <= budget]
    return sorted(affordable, key=lambda name: -float(str(CATALOGUE[name]["price"])))


def main() -> None:
    """Answer two wishes."""
    for wish, budget in (("kettle for tea", 60.0), ("tea", 30.0)):
        with flowscope.trace("recommend", input={"wish": wish, "budget": budget}) as span:
            best = rank(search(wish), budget)
            span.output = best
            print(f"{wish}: {', '.join(best)}")


if __name__ == "__main__":
    main()
