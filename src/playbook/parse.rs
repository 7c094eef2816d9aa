//! Playbooks and modes from YAML text, with line and column of everything.
