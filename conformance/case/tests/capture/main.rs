//! Captures of every shape are read, and hostile ones harm nobody.

mod blocks;
mod hostile;
mod shapes;
