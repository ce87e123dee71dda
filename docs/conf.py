"""Sphinx's configuration, for `make docs`."""

import modnet

project = "modnet"
copyright = "the modnet authors"
release = modnet.__version__
extensions = ["myst_parser"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"modnet {release}"
