"""The delivery chain: stages, pooled sources, draws, margins, best case, flips, variance shares."""
