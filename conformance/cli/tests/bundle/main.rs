//! Signed bundles as their readers meet them: whatever is changed is named, and tools
//! that are not ours agree.

mod comparison;
mod foreign;
mod program;
mod support;
mod tamper;
