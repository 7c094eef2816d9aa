//! The same CLI as a kubectl plugin.

fn main() -> std::process::ExitCode {
    pingzhan::cli::main("kubectl pingzhan")
}
