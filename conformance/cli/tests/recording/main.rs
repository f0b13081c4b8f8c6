//! What lies on the memory card of a camera: sealed to its owner, vouched for
//! by the device, and of use when the power was cut.

mod clips;
mod documents;
mod faults;
mod forgery;
mod judged;
mod power;
mod studio;
