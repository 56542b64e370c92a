"""From trajectories to statistics and the sentences that they allow."""
