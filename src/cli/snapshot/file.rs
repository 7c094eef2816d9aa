//! The file of a snapshot: there whole or not at all, and for its owner alone.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Writes a file: into another one beside it first, which then takes its place. What was there before
/// is there until then.
///
/// # Errors
/// What the operating system says, or `fill` does. Nothing is left of it then.
pub fn whole<T, E: From<std::io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut File) -> Result<T, E>,
) -> Result<T, E> {
    let mut partial = Partial::beside(path)?;
    let filled = fill(&mut partial.file)?;
    partial.file.flush()?;
    partial.file.sync_all()?;
    std::fs::rename(&partial.path, path)?;
    partial.is_done = true;
    Ok(filled)
}

/// A file that is being written. It vanishes unless it is done.
struct Partial {
    path: PathBuf,
    file: File,
    is_done: bool,
}

impl Partial {
    fn beside(path: &Path) -> std::io::Result<Self> {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{}", std::process::id()));
        let path = path.with_file_name(name);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(&path)?;
        Ok(Self {
            path,
            file,
            is_done: false,
        })
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_done {
            // It may be gone already.
            std::fs::remove_file(&self.path).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Half a snapshot that looks like one would be rehearsed on; and what it says of a city is for
    /// whoever took it.
    #[test]
    fn a_file_is_there_whole_or_not_at_all_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("city.json.gz");
        std::fs::write(&path, "yesterday's").expect("it is written");
        let failed: std::io::Result<()> = whole(&path, |file| {
            file.write_all(b"half of to")?;
            Err(std::io::Error::other("the cluster went away"))
        });
        failed.expect_err("it failed");
        let there = || -> Vec<_> {
            let entries = std::fs::read_dir(folder.path()).expect("a folder");
            entries
                .map(|entry| entry.expect("an entry").file_name())
                .collect()
        };
        assert_eq!(there(), ["city.json.gz"], "nothing is left of it");
        assert_eq!(std::fs::read(&path).expect("it is there"), b"yesterday's");
        let done: std::io::Result<()> = whole(&path, |file| file.write_all(b"today's"));
        done.expect("it is written");
        assert_eq!(std::fs::read(&path).expect("it is there"), b"today's");
        assert_eq!(there(), ["city.json.gz"]);
        let mode = std::fs::metadata(&path).expect("it is there").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
}
