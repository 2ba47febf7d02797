"""What a real run says of itself: from saved logits and knobs to a fate, numbers and findings.

`door` checks what comes in and makes a `run` of it; `readings`, `comparison`, `temperatures` and `center` add
records of it to a `report`, and what follows from them; `fate` names the end; `diagnose` leads through all.
"""
