//! Blocked sums over all pairs of samples: the hot kernel.
