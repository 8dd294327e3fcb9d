//! The `lacuna` command.

use std::process::ExitCode;

// Training allocates and frees a few hundred tensors a step; the system's allocator returns their pages each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lacuna_tools::cli::main()
}
