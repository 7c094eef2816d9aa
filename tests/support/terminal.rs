//! A pseudo terminal of 80 columns, and a program in it: what it shows is what people see. For the tests
//! and, by its path, for the tool that draws pictures of sessions.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Columns of the terminal: what people have where nobody chose otherwise.
pub const COLUMNS: u16 = 80;
/// Lines: nothing scrolls away.
pub const ROWS: u16 = 200;
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_mins(3);

/// What was shown so far, and whether it has ended.
type Heard = Arc<(Mutex<(Vec<u8>, bool)>, Condvar)>;

/// A program in a terminal of its own, which it controls: Ctrl-C reaches it.
pub struct Terminal {
    child: Child,
    keys: File,
    heard: Heard,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Runs a program in a folder, with this environment alone.
    ///
    /// # Errors
    /// The operating system gives no terminal, or the program does not run.
    pub fn run(
        program: &Path,
        args: &[&str],
        environment: &[(&str, &str)],
        folder: &Path,
    ) -> std::io::Result<Self> {
        let own = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&own)?;
        unlockpt(&own)?;
        let size = Winsize {
            ws_row: ROWS,
            ws_col: COLUMNS,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&own, size)?;
        let name = ptsname(&own, Vec::new())?;
        let name = name.to_string_lossy().into_owned();
        let theirs = File::options().read(true).write(true).open(name)?;
        // The safe way to a controlling terminal: it becomes that of the session that setsid makes.
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).arg(program).args(args);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).current_dir(folder);
        command.env("TERM", "xterm-256color");
        command.envs(environment.iter().copied());
        command
            .stdin(theirs.try_clone()?)
            .stdout(theirs.try_clone()?);
        let child = command.stderr(theirs).spawn()?;
        // Its ends of the terminal are its own: it is read to the end when nobody else has one.
        drop(command);
        let heard = Heard::default();
        let screen = File::from(own.try_clone()?);
        let told = heard.clone();
        let reader = std::thread::spawn(move || listen(screen, &told));
        Ok(Self {
            child,
            keys: File::from(own),
            heard,
            reader,
        })
    }

    /// Types keys: `\n` is Enter, `\x03` is Ctrl-C.
    ///
    /// # Errors
    /// The program is gone.
    pub fn types(&mut self, keys: &str) -> std::io::Result<()> {
        self.keys.write_all(keys.as_bytes())
    }

    /// The program's process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until what is shown is as wanted, or the program has ended. Returns what was shown.
    pub fn until(&self, wanted: impl Fn(&str) -> bool) -> String {
        let (shown, changed) = &*self.heard;
        let shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        let goes_on = |(bytes, ended): &mut (Vec<u8>, bool)| {
            !*ended && !wanted(&String::from_utf8_lossy(bytes))
        };
        let settled = changed.wait_timeout_while(shown, PATIENCE, goes_on);
        let (shown, _) = settled.unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&shown.0).into_owned()
    }

    /// Waits for its end. Returns how it ended, and everything that it showed, with what a terminal does
    /// with it.
    ///
    /// # Errors
    /// The operating system does not tell.
    pub fn ends(mut self) -> std::io::Result<(ExitStatus, Vec<u8>)> {
        let status = self.child.wait()?;
        drop(self.keys);
        // It panics only where reading does, and then there is nothing to show.
        self.reader.join().ok();
        let (shown, _) = &*self.heard;
        let shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((status, shown.0.clone()))
    }
}

/// Reads until nobody has the other end any more, which Linux tells as an error.
fn listen(mut screen: File, heard: &Heard) {
    let (shown, changed) = &**heard;
    let mut part = [0; 4096];
    while let Ok(read @ 1..) = screen.read(&mut part) {
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.0.extend_from_slice(&part[..read]);
        changed.notify_all();
    }
    shown.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
    changed.notify_all();
}
