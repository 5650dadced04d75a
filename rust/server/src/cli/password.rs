//! A password from the standard input, for `--stdin-password`: the command line is visible to every user of the machine.

use std::io::{self, BufRead, IsTerminal, Write};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use semaphore_model::Secret;
use zeroize::Zeroizing;

/// Reads one line. On a terminal it asks on stderr and does not show what is typed.
///
/// # Errors
/// If the standard input cannot be read.
pub(super) fn read() -> io::Result<Secret> {
    let stdin = io::stdin();
    let hidden = if stdin.is_terminal() { Some(Hidden::start()?) } else { None };
    let mut line = Zeroizing::new(String::new());
    stdin.lock().read_line(&mut line)?;
    drop(hidden);
    Ok(Secret::new(line.trim_end_matches(['\r', '\n'])))
}

/// Echo is off while this lives.
struct Hidden(Termios);

impl Hidden {
    fn start() -> io::Result<Self> {
        write!(io::stderr(), "Password: ")?;
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // The terminal may be gone; there is nobody left to see what is typed then.
        let _ = tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &self.0);
        let _ = writeln!(io::stderr());
    }
}
