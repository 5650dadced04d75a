//! Private keys: no text breaks the parser, and no error or `Debug` shows what stood in it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use semaphore_engine::key::PrivateKey;

fuzz_target!(|input: (&[u8], Option<&[u8]>)| {
    let (text, passphrase) = input;
    match PrivateKey::parse(text, passphrase) {
        Ok(key) => {
            // What was read can be shown without its secret: the middle of the block is where that lies.
            let shown = format!("{key:?}");
            for line in text.split(|byte| *byte == b'\n').filter(|line| line.len() > 30 && !line.starts_with(b"---")) {
                let line = String::from_utf8_lossy(line);
                assert!(!shown.contains(line.trim()), "{line:?} is shown");
            }
        }
        Err(error) => {
            let said = error.to_string();
            assert!(!said.is_empty() && said.len() < 1000, "{said:?}");
        }
    }
});
