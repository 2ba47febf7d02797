"""Sphinx configuration. The pages are assembled from notebooks, notes, figures, tests and docstrings."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent / "_ext")]

import assemble  # noqa: E402  (needs the path above)
import bibliography  # noqa: E402

assemble.write(Path(__file__).parent / "_assembled")

project = "Self-supervised learning by clustering: the theory, verified"
author = "the project's maintainers"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx-mathjax-offline",
    "bars",
    "bibliography",
    "labels",
]
exclude_patterns = ["_build", "_ext", "_assembled/parts", "pages", "decisions"]
html_theme = "furo"
html_title = "SSL by clustering"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["formulas.js", "frames.js"]
html_extra_path = ["interactive"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

nb_execution_mode = "off"  # the executed notebooks are committed; `make notebooks` runs them
myst_enable_extensions = ["amsmath", "deflist", "dollarmath"]
myst_heading_anchors = 3
myst_heading_slug_func = "assemble.slug"
myst_dmath_double_inline = True
nb_ipywidgets_js = {}  # sliders need a kernel; their scripts would come from the network
mathjax3_config = {"chtml": {"matchFontHeight": False, "scale": 1.05}}

bibtex_bibfiles = list(bibliography.SOURCES)
bibtex_default_style = bibliography.STYLE
bibtex_cite_id = "{key}"

napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
add_module_names = False
default_role = "py:obj"  # `name` in a docstring: a link where the name is documented, code where not
