//! The `semaphore` program as the integration tests start it: the same one call as the product's own binary.
//!
//! A binary of this package because cargo builds it together with the tests. The product's own binary would be built by a
//! second run of cargo, whose choice of features differs, and the two would compile each other's dependencies anew in turns.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    semaphore_server::cli::run(std::env::args_os())
}
