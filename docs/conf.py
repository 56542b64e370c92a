"""The site: `make -C docs html` builds it; CONTRIBUTING.md says more."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import tfloss  # noqa: E402

project = "tfloss"
author = "The tfloss developers"
project_copyright = author
release = version = tfloss.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
    "tfloss_docs",
]
exclude_patterns = ["_build", "examples/plugins", "examples/plain_keras", "tfloss_docs"]
templates_path = ["_templates"]
toc_object_entries = False  # every name has a heading already
suppress_warnings = [
    "myst.header",  # a page may begin with a smaller heading
    "misc.highlighting_failure",  # terminals print what no lexer expects
]

myst_enable_extensions = ["colon_fence", "fieldlist", "deflist"]
myst_heading_anchors = 3

# Pictures cost most of the build; TFLOSS_DOCS_PICTURES=0 leaves out those that need TensorFlow.
tfloss_pictures = os.environ.get("TFLOSS_DOCS_PICTURES", "1") != "0"

html_theme = "pydata_sphinx_theme"
html_title = "tfloss"
# MathJax comes with the site; as an extension, its package would forbid writing in parallel.
_mathjax = importlib.util.find_spec("sphinx-mathjax-offline")
html_static_path = ["_static", f"{_mathjax.submodule_search_locations[0]}/static"]
mathjax_path = "mathjax/tex-chtml.js"
html_css_files = ["tfloss.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "tfloss"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 6,
    "navigation_depth": 2,
    "show_toc_level": 2,
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": {"**": ["page-toc"], "index": [], "losses/index": []},
}
html_sidebars = {"index": [], "which_loss": [], "losses/*": ["family.html"], "losses/index": []}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
