"""Cases of the functions of plain numbers: the linear theory of training runs, settings of systems.

They compute in float64 whatever they are given.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.accuracy.grid import Case, Cases

DRAWS = 12


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(10.0 ** rng.uniform(low, high))


def _drawn(make: Callable[[np.random.Generator], dict[str, Any]], draws: int = DRAWS) -> Cases:
    """`draws` of arguments, said in the label where they are numbers."""

    def cases(dtype: str, clusters: tuple[int, ...]) -> Iterator[Case]:
        for seed in range(draws if dtype == "float64" else 0):
            given = make(np.random.default_rng(seed))
            said = {key: x for key, x in given.items() if isinstance(x, (int, float))}
            label = ", ".join(f"{key} = {_said(key, x)}" for key, x in said.items()) or f"draw {seed}"
            yield Case(label=label, given=given)

    return cases


def _said(name: str, x: float) -> str:
    return f"1 − {1 - x:.2g}" if "momentum" in name else f"{x:.3g}"


def _temperatures(rng: np.random.Generator) -> dict[str, float]:
    """τ_s anywhere, the teacher up to 100 times as sharp."""
    tau = _log_uniform(rng, -6, 6)
    return {"student_temperature": tau, "teacher_temperature": tau * _log_uniform(rng, -2, 0.1)}


def _momentum(rng: np.random.Generator) -> float:
    return 1.0 - _log_uniform(rng, -6, -0.1)


def _gain(rng: np.random.Generator, tau: float) -> float:
    return tau * _log_uniform(rng, -6, -0.01)


def _center(rng: np.random.Generator) -> dict[str, Any]:
    taus = _temperatures(rng)
    gain = _gain(rng, taus["student_temperature"])
    momenta = {"teacher_momentum": _momentum(rng), "center_momentum": _momentum(rng)}
    return {"gain": gain, **momenta, **taus, "slack": np.ones((3, 3))}


def _arrays(make: Callable[[np.random.Generator], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Eight of such numbers, one array for each name."""

    def drawn(rng: np.random.Generator) -> dict[str, Any]:
        found = [make(rng) for _ in range(8)]
        return {name: np.array([x[name] for x in found]) for name in found[0]}

    return drawn


def _line(rng: np.random.Generator) -> dict[str, Any]:
    taus = _temperatures(rng)
    return {"gain": _gain(rng, taus["student_temperature"]), "teacher_momentum": _momentum(rng), **taus}


def _rate(rng: np.random.Generator) -> dict[str, Any]:
    gain, rate = _log_uniform(rng, -6, 6), _log_uniform(rng, -6, 0)
    return {"gain": gain, "teacher_rate": rate, **_temperatures(rng)}


def _limit(rng: np.random.Generator) -> dict[str, Any]:
    """A centre that some gain loses: γ below what the fastest student needs, above the slowest's."""
    tau, kappa, mu = _log_uniform(rng, -6, 6), _log_uniform(rng, 0.1, 2), _log_uniform(rng, -6, -0.5)
    gamma = mu * (kappa - 1) * _log_uniform(rng, -4, -0.5)
    momenta = {"center_momentum": 1.0 - min(gamma, 0.5), "teacher_momentum": 1.0 - mu}
    return {**momenta, "student_temperature": tau, "teacher_temperature": tau / kappa}


def _learnt(rng: np.random.Generator) -> dict[str, Any]:
    """Below the critical temperature ρ τ_s, where a learnt solution lives."""
    rho, tau = float(rng.uniform(0.05, 0.99)), _log_uniform(rng, -6, 6)
    k = int(rng.choice([2, 3, 16, 4096]))
    cold = rho * float(rng.uniform(0.1, 0.95))
    return {
        "correlation": rho, "clusters": k, "student_temperature": tau, "teacher_temperature": tau * cold
    }  # fmt: skip


def _learnt_center(rng: np.random.Generator) -> dict[str, Any]:
    given = _learnt(rng)
    momenta = {"teacher_momentum": _momentum(rng), "center_momentum": _momentum(rng)}
    return given | momenta | {
        "gain": _gain(rng, given["student_temperature"]) / 10, "slack": np.ones((5, 5))
    }  # fmt: skip


def _shared(rng: np.random.Generator) -> dict[str, Any]:
    given = _center(rng)
    tau = given.pop("teacher_temperature")
    first = given.pop("center_momentum")
    return given | {
        "share": float(rng.uniform()), "center_momenta": (first, _momentum(rng)),
        "teacher_temperatures": (tau, 1.5 * tau), "slack": np.ones((4, 4)),
    }  # fmt: skip


def _views(rng: np.random.Generator) -> list[np.ndarray]:
    """Two views of four features of sizes 1e-3 to 1e3 about a mean."""
    size = 10.0 ** np.linspace(-3.0, 3.0, 4)
    common = rng.standard_normal((24, 4)) + rng.standard_normal(4)
    return [size * (common + 0.5 * rng.standard_normal(common.shape)) for _ in range(2)]


def _moments(rng: np.random.Generator) -> dict[str, Any]:
    w = rng.uniform(size=24)
    return {"views": _views(rng), "weights": w / w.sum()}


def _pair(rng: np.random.Generator, size: float = 1.0) -> dict[str, Any]:
    """C₁₂ and C₂₂ of six features, not too far from singular."""
    x, y = rng.standard_normal((2, 40, 6))
    common = x * 10.0 ** np.linspace(-size, size, 6)
    second = common.T @ common
    return {"cross": common.T @ (0.5 * common + 0.1 * y * np.sqrt(np.diag(second) / 40)), "second": second}


def _correlations(rng: np.random.Generator) -> dict[str, Any]:
    return _pair(rng) | {"slack": np.ones((6, 6))}


def _growth(rng: np.random.Generator) -> dict[str, Any]:
    taus = _temperatures(rng)
    gain = {"gain": _gain(rng, taus["student_temperature"])}
    return _pair(rng) | taus | gain | {"teacher_rate": _log_uniform(rng, -6, 0), "slack": np.ones((12, 12))}


def _whitened(rng: np.random.Generator) -> dict[str, Any]:
    taus = _temperatures(rng)
    more = {"gain": _gain(rng, taus["student_temperature"]), "teacher_rate": _log_uniform(rng, -6, 0)}
    return {"correlation": np.array([-0.9, -1e-6, 1e-6, 0.1, 0.5, 0.999]), **more, **taus}


def _survival(rng: np.random.Generator) -> dict[str, Any]:
    tau, k = _log_uniform(rng, -6, 6), int(rng.choice([3, 16, 256, 4096]))
    return {
        "correlation": np.array([1e-6, 0.01, 0.5, 0.9, 0.999]), "clusters": k, "student_temperature": tau
    }  # fmt: skip


def _critical(rng: np.random.Generator) -> dict[str, Any]:
    return {"correlation": rng.uniform(-1.0, 1.0, 8), "student_temperature": _log_uniform(rng, -6, 6)}


def _coupled(rng: np.random.Generator) -> dict[str, Any]:
    return {"views": _views(rng)[:2]} | _center(rng) | {"slack": np.ones((11, 11))}


def _steps(rng: np.random.Generator) -> dict[str, Any]:
    return {"momentum": 1.0 - _log_uniform(rng, -9, -0.05), "steps": int(_log_uniform(rng, 0, 6))}


def _gains(rng: np.random.Generator) -> dict[str, Any]:
    k, eta = int(_log_uniform(rng, 0.5, 5)), _log_uniform(rng, -6, 2)
    return {"learning_rate": eta, "clusters": k, "student_temperature": _log_uniform(rng, -6, 6)}


RUNS: dict[str, Cases] = {
    "ema_variance_factor": _drawn(_steps),
    "power_law_log_target": _drawn(
        lambda rng: {"clusters": int(_log_uniform(rng, 0.5, 3.6)), "exponent": _log_uniform(rng, -6, 2)}
    ),
    "student_gain": _drawn(_gains),
    "adaptive_gain": _drawn(lambda rng: {"gradient_noise": _log_uniform(rng, -9, 2)} | _gains(rng)),
    "held_share": _drawn(_temperatures),
    "fold_shift": _drawn(
        lambda rng: {
            "shift": _log_uniform(rng, -6, 0),
            "batch_size": _log_uniform(rng, -3, 3),
            "learning_rate": _log_uniform(rng, -3, 3),
        }
    ),
    "critical_temperature": _drawn(_critical),
    "survival_temperature": _drawn(_survival, 6),
    "whitened_growth_rate": _drawn(_whitened),
    "critical_center_rate": _drawn(_arrays(_rate)),
    "critical_center_momentum": _drawn(_arrays(_line)),
    "center_gain_limit": _drawn(_limit),
    "center_stability": _drawn(_center),
    "center_race": _drawn(lambda rng: {"correlation": float(rng.uniform(-1, 1))} | _center(rng)),
    "shared_head_stability": _drawn(_shared),
    "cross_view_moments": _drawn(_moments),
    "coupled_center_stability": _drawn(_coupled),
    "correlations": _drawn(_correlations),
    "growth_rates": _drawn(_growth),
    "learnt_solution": _drawn(lambda rng: _learnt(rng) | {"slack": np.ones((2, 2))}, 8),
    "learnt_center_stability": _drawn(_learnt_center, 8),
}
