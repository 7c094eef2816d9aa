//! The `pingzhan` program: operator and CLI.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    pingzhan::cli::main("pingzhan")
}
