"""The gallery: each figure as SVG, PNG and PDF with its caption; the code that draws it is in draw/."""
