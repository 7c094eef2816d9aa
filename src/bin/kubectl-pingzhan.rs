//! The same CLI as a kubectl plugin.

fn main() {}
