"""Where samples and labels come from: Gaussian mixtures known in closed form, handwritten digits."""
