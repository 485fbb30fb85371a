//! The attack battery on a trail of this crate's own making: each attack is found by both verifiers,
//! at the same place, with the same code.

#[path = "battery/attacks.rs"]
mod attacks;
#[path = "battery/world.rs"]
mod world;
