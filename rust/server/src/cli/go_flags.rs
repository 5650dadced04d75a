//! The command line as cobra and pflag (Go) read it, brought into the one form that clap takes: program, command, flags, words.
//!
//! Scripts written for the reference rely on that reading: flags anywhere in the line, values that begin with a dash, truth in
//! the words of `strconv.ParseBool`, numbers as in Go's source, a flag given twice, words too many.
//! Not for what flags mean, and not for texts about mistakes that clap has better ones for: such a line is handed on so that clap
//! must refuse it. Invariants: a value is only ever handed on as that of the flag it was given to; a line that pflag refuses is
//! refused, also if it asks for help.

use std::{
    any::TypeId,
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
};

use clap::{Arg, ArgAction, Command, error::ErrorKind};

/// Commands of the reference, by the names they have here. Like there they, and what is below them, pass over words too many.
const OF_REFERENCE: &[&str] = &["server", "setup", "projects", "users", "vaults", "migrate", "runner", "version"];

/// The command that shows the help of another one. The reference has it at the root alone.
const HELP: &str = "help";

/// The same arguments in clap's form. The first is the program's own name.
///
/// # Errors
/// What clap would take in another sense than pflag, or could not explain.
pub(super) fn plain(
    arguments: impl IntoIterator<Item = OsString>,
    mut program: Command,
) -> Result<Vec<OsString>, clap::Error> {
    // Only then each command knows the flags that it has from those above it.
    program.build();
    let mut words = arguments.into_iter();
    let Some(name) = words.next() else { return Ok(Vec::new()) };
    let mut words: Vec<OsString> = words.collect();
    let found = find(&program, &mut words);
    let is_help = found.last().is_some_and(|command| command.get_name() == HELP);
    let path: &[&Command] = if is_help { &[] } else { &found };
    let command = path.last().copied().unwrap_or(&program);

    let mut plain = vec![name];
    plain.extend(path.iter().map(|command| OsString::from(command.get_name())));
    let read = Line::read(command, words);
    let rest = if is_help { read.map(|line| line.topic(&program)) } else { read.and_then(|line| line.written(path)) };
    match rest {
        Ok(rest) => plain.extend(rest),
        Err(Refusal::ByClap(word)) => plain.push(word),
        Err(Refusal::Here(kind, text)) => return Err(clap::Error::raw(kind, text).format(&mut command.clone())),
    }
    Ok(plain)
}

/// Why a line is not taken.
enum Refusal {
    /// For clap to explain: behind the command it must refuse this word.
    ByClap(OsString),
    Here(ErrorKind, String),
}

impl Refusal {
    fn value(flag: &str, value: &OsStr, why: &str) -> Self {
        let text = format!("invalid value '{}' for '{flag}': {why}", value.to_string_lossy());
        Self::Here(ErrorKind::InvalidValue, text)
    }
}

/// The commands that the line leads to, from the outermost on. Their words are taken out.
///
/// Reference: cobra's `Find`, which looks at the line anew for each command, with the flags of that command.
fn find<'a>(program: &'a Command, words: &mut Vec<OsString>) -> Vec<&'a Command> {
    let mut path: Vec<&Command> = Vec::new();
    let mut command = program;
    while let Some(place) = first_word(command, words) {
        let found = words.get(place).and_then(|word| command.find_subcommand(word));
        let Some(found) = found.filter(|found| path.is_empty() || found.get_name() != HELP) else { break };
        words.remove(place);
        path.push(found);
        command = found;
        if found.get_name() == HELP {
            break;
        }
    }
    path
}

/// Where the first word stands that is neither a flag nor the value of one.
///
/// Reference: cobra's `stripFlags`. A flag that the command does not know counts as one that takes a value.
fn first_word(command: &Command, words: &[OsString]) -> Option<usize> {
    let mut place = 0;
    while let Some(word) = words.get(place) {
        let takes_next = match word.as_bytes() {
            b"--" => return None,
            [b'-', b'-', name @ ..] => {
                let argument = std::str::from_utf8(name).ok().and_then(|name| by_name(command, name));
                !name.contains(&b'=') && !argument.is_some_and(stands_alone)
            }
            [b'-', letter] => *letter != b'=' && !by_letter(command, *letter).is_some_and(stands_alone),
            [] | [b'-', ..] => false,
            _ => return Some(place),
        };
        place += 1 + usize::from(takes_next);
    }
    None
}

fn by_name<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|argument| {
        argument.get_long() == Some(name) || argument.get_all_aliases().is_some_and(|all| all.contains(&name))
    })
}

/// The flag of a letter. One without a name could not be written anew, and is as good as unknown.
fn by_letter(command: &Command, letter: u8) -> Option<&Arg> {
    let letter = char::from(letter);
    command.get_arguments().find(|argument| argument.get_short() == Some(letter) && argument.get_long().is_some())
}

/// Whether the flag is one of truth: alone it is true, and a value needs an equals sign.
fn stands_alone(argument: &Arg) -> bool {
    let has_optional_value =
        argument.is_require_equals_set() && argument.get_num_args().is_some_and(|count| count.min_values() == 0);
    !argument.get_action().takes_values() || has_optional_value
}

fn is_whole_number(argument: &Arg) -> bool {
    let kind = argument.get_value_parser().type_id();
    kind == TypeId::of::<i32>() || kind == TypeId::of::<i64>()
}

fn asks_for_help(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong)
}

/// Reference: `strconv.ParseBool`.
fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Reference: `strconv.ParseInt` with base 0.
fn whole_number(text: &str) -> Option<i64> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.to_ascii_lowercase();
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'x', ..] => (16, digits.get(2..)?),
        [b'0', b'o', ..] => (8, digits.get(2..)?),
        [b'0', b'b', ..] => (2, digits.get(2..)?),
        [b'0', _, ..] => (8, digits.get(1..)?),
        _ => (10, digits.as_str()),
    };
    let mut value: u64 = 0;
    // An underscore stands between digits; what a base begins with counts as one.
    let (mut follows_digit, mut has_digit) = (base != 10, false);
    for letter in digits.chars() {
        if letter == '_' {
            if !follows_digit {
                return None;
            }
            follows_digit = false;
            continue;
        }
        value = value.checked_mul(u64::from(base))?.checked_add(u64::from(letter.to_digit(base)?))?;
        (follows_digit, has_digit) = (true, true);
    }
    if !follows_digit || !has_digit {
        return None;
    }
    let value = i128::from(value);
    i64::try_from(if is_negative { -value } else { value }).ok()
}

/// What a line says to its command.
#[derive(Default)]
struct Line<'a> {
    /// Flags with their values in clap's words, each once unless it may be repeated.
    flags: Vec<(&'a Arg, OsString)>,
    /// The flag that asked for help.
    help: Option<String>,
    words: Vec<OsString>,
    /// Words behind `--`.
    behind_dashes: Vec<OsString>,
    /// A flag of truth, and the word behind it that says it were false.
    misplaced: Option<(&'a str, OsString)>,
}

impl<'a> Line<'a> {
    /// Reference: pflag's `parseArgs`, with flags and words mixed.
    fn read(command: &'a Command, words: Vec<OsString>) -> Result<Self, Refusal> {
        let mut line = Self::default();
        let mut rest = words.into_iter();
        let mut alone = None;
        while let Some(word) = rest.next() {
            let before = alone.take();
            match word.as_bytes() {
                b"--" => line.behind_dashes.extend(rest.by_ref()),
                [b'-', b'-', long @ ..] => alone = line.take_long(command, long, &mut rest)?,
                [b'-', short @ ..] if !short.is_empty() => line.take_short(command, short, &mut rest)?,
                _ => {
                    let is_false = word.to_str().and_then(truth) == Some(false);
                    if let Some(flag) = before.filter(|_| is_false && line.misplaced.is_none()) {
                        line.misplaced = Some((flag, word.clone()));
                    }
                    line.words.push(word);
                }
            }
        }
        Ok(line)
    }

    /// Takes `name` or `name=value`; the name of the flag if it is one of truth that stands alone.
    fn take_long(
        &mut self,
        command: &'a Command,
        long: &[u8],
        rest: &mut impl Iterator<Item = OsString>,
    ) -> Result<Option<&'a str>, Refusal> {
        let mut parts = long.splitn(2, |byte| *byte == b'=');
        let name = parts.next().unwrap_or_default();
        // Nothing else of the word: whatever is behind the sign may be a secret.
        let flag = format!("--{}", String::from_utf8_lossy(name));
        if name.is_empty() || name.starts_with(b"-") {
            return Err(Refusal::Here(ErrorKind::UnknownArgument, format!("'{flag}' is no flag")));
        }
        let known = std::str::from_utf8(name).ok().and_then(|name| by_name(command, name));
        let Some(argument) = known else { return Err(Refusal::ByClap(flag.into())) };
        let value = match parts.next() {
            Some(value) => OsStr::from_bytes(value).to_owned(),
            None if stands_alone(argument) => {
                self.set(argument, &flag, "true".into())?;
                return Ok(argument.get_long().filter(|_| !asks_for_help(argument)));
            }
            None => rest.next().ok_or_else(|| Refusal::ByClap(OsString::from(&flag)))?,
        };
        self.set(argument, &flag, value)?;
        Ok(None)
    }

    /// Takes letters behind one dash.
    fn take_short(
        &mut self,
        command: &'a Command,
        mut letters: &[u8],
        rest: &mut impl Iterator<Item = OsString>,
    ) -> Result<(), Refusal> {
        let nothing: &[u8] = &[];
        while let [letter, behind @ ..] = letters {
            let shown: String = String::from_utf8_lossy(letters).chars().take(1).collect();
            let flag = format!("-{shown}");
            let Some(argument) = by_letter(command, *letter) else { return Err(Refusal::ByClap(flag.into())) };
            let (value, left) = match behind {
                [b'=', value @ ..] if !value.is_empty() => (OsStr::from_bytes(value).to_owned(), nothing),
                _ if stands_alone(argument) => ("true".into(), behind),
                [] => (rest.next().ok_or_else(|| Refusal::ByClap(OsString::from(&flag)))?, behind),
                value => (OsStr::from_bytes(value).to_owned(), nothing),
            };
            self.set(argument, &flag, value)?;
            letters = left;
        }
        Ok(())
    }

    /// Notes a value. The last one of a flag counts, but each must be good.
    fn set(&mut self, argument: &'a Arg, flag: &str, value: OsString) -> Result<(), Refusal> {
        let text = value.to_str().unwrap_or_default();
        let value = if stands_alone(argument) {
            let Some(truth) = truth(text) else {
                return Err(Refusal::value(flag, &value, "it is neither true nor false"));
            };
            if asks_for_help(argument) {
                self.help = truth.then(|| flag.to_owned());
                return Ok(());
            }
            OsString::from(truth.to_string())
        } else if is_whole_number(argument) {
            let Some(number) = whole_number(text) else {
                return Err(Refusal::value(flag, &value, "it is no whole number"));
            };
            OsString::from(number.to_string())
        } else {
            value
        };
        if !matches!(argument.get_action(), ArgAction::Append) {
            self.flags.retain(|(given, _)| given.get_id() != argument.get_id());
        }
        self.flags.push((argument, value));
        Ok(())
    }

    /// What stands behind the commands of this path.
    fn written(self, path: &[&Command]) -> Result<Vec<OsString>, Refusal> {
        let unknown = self.words.iter().find(|word| !word.is_empty() && word.as_os_str() != "-");
        if let (true, Some(unknown)) = (path.is_empty(), unknown) {
            return Err(Refusal::ByClap(unknown.clone()));
        }
        if let Some(help) = self.help {
            return Ok(vec![help.into()]);
        }
        let mut written: Vec<OsString> =
            self.flags.iter().filter_map(|(argument, value)| written_flag(argument, value)).collect();
        let (Some(first), Some(command)) = (path.first(), path.last()) else { return Ok(written) };
        if !OF_REFERENCE.contains(&first.get_name()) {
            written.extend(self.words);
            if !self.behind_dashes.is_empty() {
                written.push("--".into());
                written.extend(self.behind_dashes);
            }
        } else if !command.has_subcommands() {
            // The reference passes over this word, too, and then does the contrary of what it says.
            if let Some((flag, word)) = self.misplaced {
                let word = word.to_string_lossy();
                let text = format!("'{word}' is not the value of '--{flag}': write --{flag}=false, or leave both out");
                return Err(Refusal::Here(ErrorKind::InvalidValue, text));
            }
            let declared: Vec<&Arg> = command.get_positionals().collect();
            let words = self.words.into_iter().chain(self.behind_dashes);
            written.extend(words.filter(|word| declared.iter().any(|one| is_meant(one, word))).take(declared.len()));
        }
        Ok(written)
    }

    /// The line about the command whose help is wanted. Reference: as far as the words name one; the root's otherwise.
    fn topic(self, program: &Command) -> Vec<OsString> {
        let mut topic = vec![OsString::from(HELP)];
        let mut command = program;
        for word in self.words.iter().chain(&self.behind_dashes) {
            let below = command.find_subcommand(word).filter(|below| below.get_name() != HELP);
            let Some(below) = below else { break };
            topic.push(below.get_name().into());
            command = below;
        }
        topic
    }
}

/// A flag as clap takes it. Reference: an empty value is that of a flag that was not given.
fn written_flag(argument: &Arg, value: &OsStr) -> Option<OsString> {
    let name = argument.get_long()?;
    if !argument.get_action().takes_values() {
        return (value == "true").then(|| format!("--{name}").into());
    }
    if value.is_empty() && !matches!(argument.get_action(), ArgAction::Append) {
        return None;
    }
    let mut written = OsString::from(format!("--{name}="));
    written.push(value);
    Some(written)
}

/// Whether a word is one of those that a command takes in this place.
fn is_meant(place: &Arg, word: &OsStr) -> bool {
    place.get_possible_values().iter().any(|value| word == value.get_name())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::cli::arguments::{Arguments, UserCommand, UsersCommand};

    /// The line in clap's form; words are separated by one space, so that two have an empty word between them.
    fn line(given: &str) -> Result<String, clap::Error> {
        let words = given.split(' ').map(OsString::from);
        plain(words, Arguments::command()).map(|plain| plain.join(OsStr::new(" ")).into_string().unwrap())
    }

    #[track_caller]
    fn check(given: &str, expected: &str) {
        assert_eq!(line(&format!("semaphore {given}")).unwrap(), format!("semaphore {expected}").trim_end(), "{given}");
    }

    /// What the line is refused with, be it here or by clap.
    #[track_caller]
    fn refused(given: &str) -> String {
        let plain = plain(format!("semaphore {given}").split(' ').map(OsString::from), Arguments::command());
        let error = plain.and_then(Arguments::try_parse_from).expect_err(given);
        assert_ne!(error.kind(), ErrorKind::DisplayHelp, "{given}");
        error.to_string()
    }

    #[test]
    fn truth_is_said_in_the_words_of_go() {
        check("migrate --yes=true --return-check=T", "migrate --yes --return-check");
        check("--no-config=0 server --rehearse=False", "server");
        check("user add --admin --external=f", "users add --admin=true --external=false");
        check("user add --admin=1 --external=T", "users add --admin=true --external=true");
        for given in ["migrate --yes=maybe", "migrate --yes=", "user add --admin=yes", "user add --admin=", "-h=no"] {
            assert!(refused(given).contains("neither true nor false"), "{given}");
        }
        refused("user add --admin=maybe --admin=true");
    }

    #[test]
    fn values_stand_behind_a_sign_or_a_space() {
        check("user add --password -x --login=a=b", "users add --password=-x --login=a=b");
        check("user add --password -- --login a", "users add --password=-- --login=a");
        check("user add --name --admin --login a", "users add --name=--admin --login=a");
        check("user add --name list", "users add --name=list");
        check("project export --project-id -1 --file -", "projects export --project-id=-1 --file=-");
        for given in ["user add --login", "--config", "user --config", "help --config"] {
            assert!(refused(given).contains("a value is required"), "{given}");
        }
    }

    #[test]
    fn flags_stand_anywhere() {
        check("--login adm user get", "users get --login=adm");
        check("user --login adm get", "users get --login=adm");
        check("--no-config user list --log-level DEBUG", "users list --no-config --log-level=DEBUG");
        check("--config c.json user --log-level=WARN list", "users list --config=c.json --log-level=WARN");
        check("user --login=adm totp enable", "users totp enable --login=adm");
        // Unknown to the root, so that it takes the next word for its value.
        refused("--admin user add");
        refused("user --admin add");
    }

    #[test]
    fn the_last_of_several_counts() {
        check("user add --login a --login b", "users add --login=b");
        check("user add --admin --admin=false", "users add --admin=false");
        check("server --rehearse --rehearse=0 --no-config --no-config", "server --no-config");
        check("--config a user list --config b", "users list --config=b");
        check("setup --set a=1 --non-interactive --set b=", "setup --set=a=1 --non-interactive --set=b=");
        check("auth explain ann --group a --group b", "auth explain --group=a --group=b ann");
        check("user list --help --help=false", "users list");
    }

    #[test]
    fn an_empty_value_is_none() {
        for given in ["user list --config ", "user list --config=", "user list --config a --config "] {
            check(given, "users list");
        }
        check("migrate --apply-to ", "migrate");
        check("project export --project-name  --project-id 1", "projects export --project-id=1");
        refused("project export --project-id=");
        refused("database copy --to-config=");
    }

    #[test]
    fn numbers_are_those_of_go() {
        for (text, number) in [
            ("0", 0),
            ("-0", 0),
            ("+7", 7),
            ("-12", -12),
            ("0x1F", 31),
            ("0X_1f", 31),
            ("0b101", 5),
            ("0o17", 15),
            ("017", 15),
            ("0_7", 7),
            ("1_000", 1000),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(whole_number(text), Some(number), "{text}");
        }
        for text in [
            "",
            "-",
            "+",
            "08",
            "0x",
            "0x_",
            "0b2",
            "1__0",
            "_1",
            "1_",
            "0_",
            "1e3",
            " 1",
            "--1",
            "9223372036854775808",
            "٣",
        ] {
            assert_eq!(whole_number(text), None, "{text}");
        }
        check("project export --project-id 0x10", "projects export --project-id=16");
        check("migrate --err-log-size 1_000", "migrate --err-log-size=1000");
        check("task unarchive --id 010", "task unarchive --id=8");
        assert!(refused("project export --project-id 08").contains("no whole number"));
        refused("project export --project-id x --project-id 1");
        refused("project export --project-id 99999999999");
    }

    #[test]
    fn words_too_many_are_passed_over_as_there() {
        check("version of this", "version");
        check("user list now --json x", "users list --json");
        check("user list -- --bad-flag", "users list");
        check("user add --admin true --login a", "users add --admin=true --login=a");
        check("setup -", "setup -");
        check("setup x - y", "setup -");
        check("migrate  ", "migrate");
        // Ours are strict.
        check("completion bash", "completion bash");
        check("completion -- bash", "completion -- bash");
        check("task-host directory", "task-host directory");
        for given in ["doctor all", "completion bash zsh", "token list --login a b", "config check x", "man x"] {
            refused(given);
        }
    }

    #[test]
    fn a_flag_is_not_made_false_by_the_next_word() {
        for word in ["0", "f", "F", "false", "FALSE", "False"] {
            let text = refused(&format!("user add --login a --admin {word}"));
            assert!(text.contains("--admin=false"), "{text}");
        }
        refused("user list --no-config false");
        refused("user add --external true --admin false --login a");
        check("user add --admin --login false", "users add --admin=true --login=false");
        check("user add --admin=true false", "users add --admin=true");
    }

    #[test]
    fn a_word_below_a_group_shows_its_help() {
        for (given, group) in [
            ("user nonsense", "users"),
            ("user LIST", "users"),
            ("vault list", "vaults"),
            ("user totp nonsense", "users totp"),
            ("runner nonsense more", "runner"),
            ("user -- list", "users"),
            ("user help", "users"),
            ("-- user list", ""),
            ("-", ""),
        ] {
            check(given, group);
        }
        check("user nonsense --log-level loud", "users --log-level=loud");
        for given in ["nonsense", "nonsense --help", "--bad-flag", "--bad user list", "user nonsense --bad"] {
            refused(given);
        }
        for given in ["config nonsense", "token nonsense", "auth x", "database x", "task x", "config -- show"] {
            refused(given);
        }
    }

    #[test]
    fn help_comes_unless_it_is_false_or_the_line_is_wrong() {
        check("--help", "--help");
        check("-h", "-h");
        check("--login a user get extra -h", "users get -h");
        check("user add --help=T --admin false", "users add --help");
        check("-h=false version", "version");
        check("user --help list", "users list --help");
        check("help", "help");
        check("help nonsense", "help");
        check("help user nonsense", "help users");
        check("help --no-config user totp enable x", "help users totp enable");
        check("help help", "help");
        check("config help show", "config help show");
        for given in ["user list --help --bad", "user list --bad --help", "-hx", "-h=", "help --bad", "--help --login"]
        {
            refused(given);
        }
    }

    #[test]
    fn what_is_no_flag_is_refused_and_shows_no_secret() {
        for given in
            ["--=hunter2", "---x=hunter2", "user add --passwort=hunter2", "user add -phunter2", "user add -é", "-="]
        {
            let text = refused(given);
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_survive() {
        let odd = |text: &[u8]| OsStr::from_bytes(text).to_owned();
        let words =
            ["semaphore".into(), odd(b"--config=\xff=\xfe"), "version".into(), "--log-level".into(), odd(b"\xfd")];
        let expected = ["semaphore".into(), "version".into(), odd(b"--config=\xff=\xfe"), odd(b"--log-level=\xfd")];
        assert_eq!(plain(words, Arguments::command()).unwrap(), expected);
    }

    #[test]
    fn clap_understands_what_comes_out() {
        let words = "semaphore --password -x user --login a --login b add --admin=0 --external --no-config more";
        let plain = plain(words.split(' ').map(OsString::from), Arguments::command()).unwrap();
        let arguments = Arguments::try_parse_from(plain).unwrap();
        assert!(arguments.no_config);
        let Some(crate::cli::arguments::Command::Users(users)) = arguments.command else { unreachable!() };
        let Some(UsersCommand::User(UserCommand::Add(add))) = users.command else { unreachable!() };
        assert_eq!((add.login.as_str(), add.password.0.expose(), add.admin, add.external), ("b", "-x", false, true));
    }

    #[test]
    fn odd_lines_end_without_a_panic() {
        let odd: &[&[u8]] = &[
            b"",
            b"-",
            b"--",
            b"---",
            b"-=",
            b"--=",
            b"-h=",
            b"--help",
            b"\xff",
            b"-\xff",
            b"--\xff",
            b"--\xff=1",
            b"help",
            b"user",
            b"totp",
            b"add",
            b"task",
            b"--admin",
            b"--login",
            b"false",
            b"--project-id",
            b"--set",
        ];
        let words = |words: &[&[u8]]| -> Vec<OsString> {
            std::iter::once(&b"semaphore"[..])
                .chain(words.iter().copied())
                .map(|one| OsStr::from_bytes(one).into())
                .collect()
        };
        for first in odd {
            for second in odd {
                let given = words(&[*first, *second, b"get"]);
                let _ = plain(given, Arguments::command()).map(Arguments::try_parse_from);
            }
        }
        assert_eq!(plain([], Arguments::command()).unwrap(), [""; 0]);
    }
}
