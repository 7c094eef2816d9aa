# Short names for what the tool does; each calls the same command as CI and the README.

# What there is.
default:
    @just --list

# Everything that must hold before a change lands.
test *ARGS:
    cargo xtask test {{ARGS}}

# CRDs, RBAC and reference pages from the types.
generate:
    cargo xtask generate

# A real control plane on this machine; prints the admin's kubeconfig.
up *ARGS:
    cargo xtask cluster up {{ARGS}}

# End it.
down *ARGS:
    cargo xtask cluster down {{ARGS}}

# Which control planes are up.
status:
    cargo xtask cluster status

# As the project formats.
format:
    cargo fmt --all

# Licences, bans, sources and advisories of dependencies; advisories need a network.
deny:
    cargo deny --workspace check

# As CI judges.
lint:
    cargo clippy --workspace --all-targets -- -D warnings
