"""|x| in a docstring is the modulus of x; reStructuredText would look for a substitution of that name."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class Bars(SphinxTransform):
    """Puts back what was written, where no substitution of that name is defined."""

    default_priority = 200  # before docutils' own Substitutions, 220

    def apply(self, **kwargs: object) -> None:
        """Replace the references in one document."""
        for node in list(self.document.findall(nodes.substitution_reference)):
            if node["refname"] not in self.document.substitution_names:
                node.replace_self(nodes.Text(f"|{node.astext()}|"))


def setup(app: Sphinx) -> dict[str, object]:
    """Register the transform."""
    app.add_transform(Bars)
    return {"version": "1", "parallel_read_safe": True}
