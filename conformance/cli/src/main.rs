//! The command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    lightleak::command::main()
}
