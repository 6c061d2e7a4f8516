//! Pools of late networks.
