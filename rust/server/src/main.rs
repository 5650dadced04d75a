//! The `semaphore` program.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    semaphore_server::cli::run(std::env::args_os())
}
