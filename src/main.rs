//! The `pingzhan` program: operator and CLI.

fn main() -> std::process::ExitCode {
    pingzhan::cli::main("pingzhan")
}
