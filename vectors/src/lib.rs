//! Known answers: published test vectors as data, and their loader.
