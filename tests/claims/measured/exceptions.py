"""Numbers that a text about measurements does not have from `results/`, each with the reason."""

FORMULA = "part of a formula"
TEMPERATURES = "asserted by tests/theory/dynamics/test_temperatures.py, at these settings"
SETTLED = "a closed form of the claims named beside it"
PUBLISHED = "DINO's own numbers, or what nobody has published"
STEPS = "asserted by tests/theory/dynamics/test_stability.py"

NOT_FROM_RESULTS: dict[str, dict[str, str]] = {
    "T3": {r"shares $\propto 1/\text{rank}$": FORMULA},
    "J5": {"(95% interval;": "the level of `paired_difference`"},
    "J10": {r"$\tau^2 J/(": FORMULA},
    "E1": {r"$\mathrm{cv}^2/B": FORMULA},
    "J6": {"worse than that one for $R > 8$": "where R²/8 passes R"},
    "D1": {
        "no interval leaving out 0": "the difference that there would not be",
        "Jacobians agree to 1e-9 relative": "asserted by tests/theory/dynamics/test_linearisation.py",
    },
    "D3": {
        r"survive at $0.99\,\tau_t^\dagger$ and die at $1.01\,\tau_t^\dagger$": TEMPERATURES,
        r"($K = 8$, $\rho = 0.5$; $K = 20$, $\rho = 0.7$)": TEMPERATURES,
    },
    "Directions": {
        "(notebook 05)": "a name",
        r"$B \le 64$ per device": "proposed",
        r"$1 - m_c \ge (1 - m_t)(\tau_s/\tau_t - 1)/m_t$ at any learning rate up to $K\tau_s^2$": SETTLED,
        "0.994 for DINO's numbers": SETTLED,
        "$m_c$ between 0.99 and 0.999": PUBLISHED,
    },
    "README.md": {
        "1 − (1 − m<sub>t</sub>) (τ<sub>s</sub>/&NoBreak;τ<sub>t</sub>&nbsp;−&nbsp;1)/m<sub>t</sub>": SETTLED,
        "0.994 for DINO (0.996, 0.1, 0.04)": SETTLED,
        "one published run beyond it had learnt after 100,000 steps": PUBLISHED,
        "(0: the same, 1: nothing in common)": "the ends of a scale",
        "some 3 minutes on two cores": "a time",
        "arXiv 2605.11870": "an address",
        'width="460"': "the width of an image",
        "(https://arxiv.org/abs/2605.11870)": "an address",
        "At τ<sub>t</sub> = 0.04": "the setting",
        "Python ≥ 3.11": "a version",
        "(DINO-X at 0.999, which has learnt after 100,000 steps)": PUBLISHED,
        "RETRAIN=1": "an option",
        "not with 1/B": SETTLED,
        "grows like 1/τ": SETTLED,
        "vacuous for Δ above about 20 nats": SETTLED,
        "scikit-learn's 8×8 digits": "the size of an image",
    },
    "D5": {"DINO's 75.8 and 72.2": PUBLISHED},
    "D6": {
        "At .999 and $\\eta = 5\\cdot10^{-4}$": "DINO's settings",
    },
    "C1": {"30 were registered": "`predictions/distinct.toml`"},
    "D4": {
        "agrees with the matrix to 1e-6 relative": STEPS,
        "period on the line within 0.5%": STEPS,
    },
}
