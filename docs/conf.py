"""Sphinx's configuration, for `make docs`."""

import os
import sys
from pathlib import Path

import modnet

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "docs" / "_extensions"), str(ROOT / "tools")]

project = "modnet"
copyright = "the modnet authors"
release = modnet.__version__
extensions = [
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "formulas",
    "languages",
    "notfound",
    "pictures",
    "reference",
]
toc_object_entries_show_parents = "hide"
smartquotes = False  # docstrings speak of quotes
python_maximum_signature_line_length = 88
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

html_theme = "furo"
html_theme_options = {"top_of_page_buttons": ["view"]}  # which _templates makes the switch of languages
html_title = f"modnet {release}"
html_baseurl = os.environ.get("READTHEDOCS_CANONICAL_URL", "")
html_static_path = ["_static"]
html_css_files = ["modnet.css"]
html_favicon = "_static/favicon.svg"
html_copy_source = False
html_show_sphinx = False
html_math_renderer = "mathml"

# What is copied runs: no prompts, no output, and no button where there is output alone.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_selector = "div:not(.highlight-text) > div.highlight > pre"
