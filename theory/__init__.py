"""Information theory of self-supervised learning by clustering: formulas, exact teachers, sharp bounds.

Arrays are ``[..., N, K]`` log-probabilities in any array namespace; everything is in nats. The rooms,
each importing only from those before it: `logspace`, `arguments`, `simplex`, `divergences`, `priors`,
`tilts`, `bounds`, `feasibility`, `projection`, `objective`, `estimation`, `conventions`;
on NumPy arrays, `moments`, `dynamics`, `center`; for real runs `findings`, `readings`, `knobs`, `diagnosis`.
"""

from theory.bounds import (
    TeacherDistance,
    exact_distance_bound,
    hilbert_diameter,
    hoeffding_bound,
    sinkhorn_contraction,
    specht_bound,
    teacher_distance_bound,
    variance_bound,
)
from theory.checks import assume_valid
from theory.diagnosis.diagnose import diagnose
from theory.diagnosis.report import Diagnosis, Finding
from theory.divergences import (
    cross_entropy,
    entropy,
    jeffreys_information,
    kl,
    lautum_information,
    mutual_information,
)
from theory.dynamics.center import (
    CenterStability,
    center_gain_limit,
    center_stability,
    coupled_center_stability,
    critical_center_momentum,
    critical_center_rate,
)
from theory.dynamics.growth import (
    Growth,
    critical_temperature,
    growth_rates,
    student_gain,
    survival_temperature,
    whitened_growth_rate,
)
from theory.dynamics.moments import Correlations, CrossViewMoments, correlations, cross_view_moments
from theory.ensembles import jensen_gap, log_prior, log_range, log_variance
from theory.estimation import (
    crossing_batch_size,
    ema_variance_factor,
    log_prior_bias,
    log_prior_variance,
    prior_dispersion,
    teacher_crossing_batch_size,
)
from theory.feasibility import InfeasibleTarget
from theory.objective import Certificate, Objective, certificate, evaluate
from theory.projection import NotConverged, Projection, project
from theory.simplex import log_softmax, marginal
from theory.systems import (
    CONVENTIONS,
    Convention,
    batch_softmax,
    dino,
    dinov2,
    msn,
    sela,
    swav,
    update_center,
)
from theory.teachers import centering, cumulant, inverse_prior, power_mean, sinkhorn, tilt

__all__ = [
    "CONVENTIONS",
    "CenterStability",
    "Certificate",
    "Convention",
    "Correlations",
    "CrossViewMoments",
    "Diagnosis",
    "Finding",
    "Growth",
    "InfeasibleTarget",
    "NotConverged",
    "Objective",
    "Projection",
    "TeacherDistance",
    "assume_valid",
    "batch_softmax",
    "center_gain_limit",
    "center_stability",
    "centering",
    "certificate",
    "correlations",
    "coupled_center_stability",
    "critical_center_momentum",
    "critical_center_rate",
    "critical_temperature",
    "cross_entropy",
    "cross_view_moments",
    "crossing_batch_size",
    "cumulant",
    "diagnose",
    "dino",
    "dinov2",
    "ema_variance_factor",
    "entropy",
    "evaluate",
    "exact_distance_bound",
    "growth_rates",
    "hilbert_diameter",
    "hoeffding_bound",
    "inverse_prior",
    "jeffreys_information",
    "jensen_gap",
    "kl",
    "lautum_information",
    "log_prior",
    "log_prior_bias",
    "log_prior_variance",
    "log_range",
    "log_softmax",
    "log_variance",
    "marginal",
    "msn",
    "mutual_information",
    "power_mean",
    "prior_dispersion",
    "project",
    "sela",
    "sinkhorn",
    "sinkhorn_contraction",
    "specht_bound",
    "student_gain",
    "survival_temperature",
    "swav",
    "teacher_crossing_batch_size",
    "teacher_distance_bound",
    "tilt",
    "update_center",
    "variance_bound",
    "whitened_growth_rate",
]
