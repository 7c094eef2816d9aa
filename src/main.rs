//! The `pingzhan` program: operator and CLI.

fn main() {}
