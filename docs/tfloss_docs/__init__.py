"""What the site has beyond its Markdown pages: made while it is built, from the declarations.

Everything generated lies in folders that git does not know: `losses/` (a page for each loss),
`coming_from/`, `reference/`, and `generated/` (pictures, notebooks, llms.txt).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def _generate(app: Any) -> None:
    """In another process: Sphinx forks to write in parallel, which TensorFlow's threads forbid."""
    docs = Path(app.srcdir)
    command = [sys.executable, "-m", "tfloss_docs.generate"]
    if not app.config.tfloss_pictures:
        command.append("--no-pictures")
    found = {**os.environ, "PYTHONPATH": str(docs), "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run(command, check=True, env=found)


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls."""
    from tfloss_docs import links, losses, tools

    app.add_config_value("tfloss_pictures", True, "env")
    app.connect("builder-inited", _generate)
    app.connect("source-read", links.in_the_site)
    app.connect("html-page-context", losses.family_of_page)
    app.connect("build-finished", tools.to_the_root)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
