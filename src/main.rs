//! The program: parses, runs, and gives the exit code.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// glibc's allocator asks the kernel for each page of each thread, and all
/// threads wait meanwhile: a third of a short run.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    scanner::cli::main(std::env::args_os())
}
