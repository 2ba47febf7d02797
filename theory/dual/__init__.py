"""The maximiser of the dual of (T), g(λ) = ⟨π, λ⟩ − Σₙ wₙ log Σₖ pₙ(k) e^{λ(k)}: concave and smooth.  [T3]

Plain Sinkhorn climbs g one coordinate block at a time and stalls at low temperature, where its contraction
κ is 1 to many digits.  [T5]  Here its rounds are cheap and accelerated; where they too are slow, Newton's
method goes on from where they came to, on the smaller side: for N < K on the transposed problem, whose
unknowns are samples, if none has a weight of next to nothing.
"""

from theory.dual.ascent import maximise
from theory.dual.problem import Dual

__all__ = ["Dual", "maximise"]
