//! Pools measured, and what they say together.

mod layers;
mod measured;
