//! The program: parses, runs, and gives the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    scanner::cli::main(std::env::args_os())
}
