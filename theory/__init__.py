"""Information theory of self-supervised learning by clustering: formulas, exact teachers, sharp bounds.

Arrays are ``[..., N, K]`` log-probabilities in any array namespace (NumPy, torch with autograd, …), samples
on axis −2, clusters on axis −1; results come back in the namespace, dtype and device that went in. Everything
is in nats and in log space; 0 · log 0 = 0, and what is infinite is returned as infinite.

`theory.dynamics` (NumPy) says when training collapses, `theory.systems` holds the teachers of published
codes, `theory.nn` (PyTorch) the losses; `diagnose` reads a real run.
"""

from theory import dynamics, systems
from theory.batches import batch_softmax_log_tilt
from theory.bounds import hoeffding_bound, specht_bound, variance_bound
from theory.checks import assume_valid
from theory.crossing import crossing_batch_size, teacher_crossing_batch_size
from theory.curves.explain import explain_loss
from theory.diagnosis.diagnose import diagnose
from theory.diagnosis.features import diagnose_features
from theory.diagnosis.report import Diagnosis, Finding
from theory.distances import (
    TeacherDistance,
    hilbert_diameter,
    projected_distance_bound,
    sinkhorn_contraction,
    teacher_distance_bound,
)
from theory.divergences import cross_entropy, entropy, kl
from theory.ensembles import jensen_gap, log_prior, log_softmax
from theory.estimation import ema_variance_factor, log_prior_bias, log_prior_variance, prior_dispersion
from theory.feasibility import InfeasibleTarget
from theory.informations import jeffreys_information, lautum_information, mutual_information
from theory.objective import Certificate, Objective, certificate, evaluate
from theory.projection import NotConverged, Projection, project
from theory.sinkhorn import sinkhorn_log_tilt
from theory.spreads import log_range, log_variance
from theory.summary import Summary, summarize
from theory.teachers import TEACHERS, Teacher
from theory.tilts import (
    centering_log_tilt,
    cumulant_log_tilt,
    inverse_prior_log_tilt,
    power_mean_log_tilt,
    tilt,
)

__all__ = [
    "TEACHERS",
    "Certificate",
    "Diagnosis",
    "Finding",
    "InfeasibleTarget",
    "NotConverged",
    "Objective",
    "Projection",
    "Summary",
    "Teacher",
    "TeacherDistance",
    "assume_valid",
    "batch_softmax_log_tilt",
    "centering_log_tilt",
    "certificate",
    "cross_entropy",
    "crossing_batch_size",
    "cumulant_log_tilt",
    "diagnose",
    "diagnose_features",
    "dynamics",
    "ema_variance_factor",
    "entropy",
    "evaluate",
    "explain_loss",
    "hilbert_diameter",
    "hoeffding_bound",
    "inverse_prior_log_tilt",
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
    "mutual_information",
    "power_mean_log_tilt",
    "prior_dispersion",
    "project",
    "projected_distance_bound",
    "sinkhorn_contraction",
    "sinkhorn_log_tilt",
    "specht_bound",
    "summarize",
    "systems",
    "teacher_crossing_batch_size",
    "teacher_distance_bound",
    "tilt",
    "variance_bound",
]
