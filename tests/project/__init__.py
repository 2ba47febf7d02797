"""What holds of the project as a whole: packaging, pages, notebooks, site, structure."""
