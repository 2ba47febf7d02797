"""The teachers of published systems, put together from the parts of this package.

================  ==================================================  ==============
function          log r                                               teacher of
================  ==================================================  ==============
`dino`            log softmax((z − c)/τ), c a moving average of z     DINO, iBOT
`dinov2`          Sinkhorn on e^{z/τ}: clusters first, samples last   DINOv2, DINOv3
`swav`            the same, z a cosine and τ called ε                 SwAV
`msn`             Sinkhorn on softmax(z/τ)                            MSN
`sela`            Sinkhorn on softmax(z)^s, run to convergence        SeLa
`capi`            `dinov2` for each position of an image by itself    CAPI
================  ==================================================  ==============

The two Sinkhorns differ in their first λ only: on e^{z/τ} it is that of the softmax over the batch, on
probabilities that of the inverse prior. After any number of rounds the first ignores a bias per cluster but
not a shift of all logits of a sample, the second the shift but not the bias; their limit, `theory.project`,
ignores both.
Rounds end on the samples: rows sum to 1 exactly, the prior is met in the limit only.  [T5] [T6]

The authors' own code of DINO, iBOT, DINOv2, SwAV, MSN and CAPI, VISSL's Sinkhorns and solo-learn's DINO
were run once: losses, gradients, centres and codes are these functions' to float32's rounding, but for
CAPI's 1e-8 (see `capi`). Codes that follow them, as far as they were read: solo-learn's Sinkhorn and
lightly's DINO, SwAV, MSN and CAPI are the ones above; lightly's iBOT centres by the masked tokens, iBOT by
all. VISSL's SwAV assigns hard, by argmax, in its first steps if told to, and takes a power law for its
target. DINO-vMF centres on probabilities, a moving inverse prior, on logits with a normaliser for each
prototype's length (abstract read). PMSN is MSN with `power_law_log_target`. `which_system` says which of
these, or which slip, explains what some code produced: codes that copy one another differ in what is
written nowhere.

In the published codes samples weigh the same, targets are uniform and no teacher is differentiated; here
`weights` and `log_target` are free, and detaching is left to the caller.
"""

from theory.systems.centers import dino, update_center
from theory.systems.scalings import dinov2, msn, sela, swav
from theory.systems.settings import SYSTEMS, System
from theory.systems.variants import capi, power_law_log_target
from theory.systems.which import Conventions, Match, which_system

__all__ = [
    "SYSTEMS",
    "Conventions",
    "Match",
    "System",
    "capi",
    "dino",
    "dinov2",
    "msn",
    "power_law_log_target",
    "sela",
    "swav",
    "update_center",
    "which_system",
]
