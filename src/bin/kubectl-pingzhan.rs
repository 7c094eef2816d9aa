//! The same CLI as a kubectl plugin.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    pingzhan::cli::main("kubectl pingzhan")
}
