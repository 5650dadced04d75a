//! Secrets from the standard input, for `--stdin-password` and `setup`: the command line is visible to every user of the machine.

use std::io::{self, BufRead, IsTerminal, Write};

use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
use semaphore_model::Secret;
use zeroize::Zeroizing;

/// Reads one line; empty at the end of the input. On a terminal it asks on stderr and does not show what is typed.
///
/// # Errors
/// If the standard input cannot be read.
pub(super) fn read() -> io::Result<Secret> {
    let ask = || if io::stdin().is_terminal() { write!(io::stderr(), "Password: ") } else { Ok(()) };
    Ok(read_hidden(ask)?.unwrap_or_default())
}

/// Asks, and reads one line; nothing at the end of the input. A terminal does not show what is typed from the question on.
///
/// # Errors
/// If the standard input cannot be read, or whoever types gives up with Ctrl-C.
pub(super) fn read_hidden(ask: impl FnOnce() -> io::Result<()>) -> io::Result<Option<Secret>> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        let _hidden = Hidden::start()?;
        ask()?;
        return read_typed(&mut stdin.lock());
    }
    ask()?;
    let mut line = Zeroizing::new(String::new());
    let length = stdin.lock().read_line(&mut line)?;
    Ok((length > 0).then(|| Secret::new(line.trim_end_matches(['\r', '\n']))))
}

/// Reads what a terminal gives as one line. Ctrl-C arrives as its end, see [`Hidden`].
fn read_typed(terminal: &mut impl BufRead) -> io::Result<Option<Secret>> {
    let line = terminal.fill_buf()?;
    let length = line.len();
    if line.last() == Some(&CTRL_C) {
        return Err(io::Error::new(io::ErrorKind::Interrupted, "cancelled"));
    }
    let text = std::str::from_utf8(line).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let password = (length > 0).then(|| Secret::new(text.trim_end_matches(['\r', '\n'])));
    terminal.consume(length);
    Ok(password)
}

/// What Ctrl-C types.
const CTRL_C: u8 = 3;

/// Echo is off while this lives. Ctrl-C does not end the program meanwhile, which would leave the terminal without echo: it
/// is the end of the line, and whoever reads it gives up.
struct Hidden(Termios);

impl Hidden {
    fn start() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO | LocalFlags::ISIG);
        quiet.control_chars[SpecialCharacterIndices::VEOL as usize] = CTRL_C;
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_typed_line_is_the_password_unless_it_is_cancelled() {
        assert_eq!(read_typed(&mut &b"pass word\n"[..]).unwrap().unwrap().expose(), "pass word");
        assert!(read_typed(&mut &b""[..]).unwrap().is_none());
        assert!(read_typed(&mut &b"half\x03"[..]).is_err());
        assert!(read_typed(&mut &b"\xff\n"[..]).is_err());
    }
}
