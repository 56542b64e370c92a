"""The picture of README and of the front page: a training whose terms add up to the total.

    PYTHONPATH=docs python -m tfloss_docs.front_page

trains (some seconds) and writes docs/front_page.json, from which the site draws, and
docs/front_page.svg for README, whose ink is grey so that it stands on white and on black.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

DOCS = Path(__file__).parents[1]
FORMULA = "ce + linear(0, 0.3, epochs=15)*kd(temperature=4) + 2e-3*l2('*/kernel')"
GREY = "#7d8590"


def history() -> dict[str, list[float]]:
    """The total and each weighted term by epoch."""
    import tfloss

    data = tfloss.load_data("digits", train_size=600)
    result = tfloss.fit(FORMULA, data, "mlp:32", teacher="rf", epochs=40)
    epochs = [epoch.train for epoch in result.history]
    found = {name: [round(float(epoch[name]), 4) for epoch in epochs] for name in epochs[0]}
    return {"epochs": list(range(1, len(epochs) + 1)), **found}


def main() -> None:
    """Train and write both files."""
    from tfloss_docs.charts import terms

    found = history()
    (DOCS / "front_page.json").write_text(json.dumps(found) + "\n", encoding="utf-8")
    picture = terms(found).replace("currentColor", GREY)
    if "xmlns=" not in picture:
        picture = picture.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    picture = re.sub(r"<svg", '<svg font-family="sans-serif"', picture, count=1)
    (DOCS / "front_page.svg").write_text(picture + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
