//! The rules of ARCHITECTURE.md as tests: which crate may use which, where the dangerous things live, what a file looks like.
//!
//! The dependency rules read `cargo metadata`; the others read the sources, without comments, texts and test modules.
//! Every rule has a sample beside it that breaks it, so that a rule which no longer notices anything fails too.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use semaphore_tests::project_root;

/// Crate of the workspace -> crates of the workspace that it may use.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("semaphore-model", &[]),
    ("semaphore-engine", &["semaphore-model"]),
    ("semaphore-task", &["semaphore-model", "semaphore-engine"]),
    ("semaphore-store", &["semaphore-model"]),
    ("semaphore-service", &["semaphore-model", "semaphore-engine", "semaphore-task", "semaphore-store"]),
    (
        "semaphore-server",
        &["semaphore-model", "semaphore-engine", "semaphore-task", "semaphore-store", "semaphore-service"],
    ),
    ("semaphore-ffi", &["semaphore-model", "semaphore-engine", "semaphore-task"]),
    ("semaphore-ffi-artifact", &["semaphore-ffi"]),
];

/// Foreign crate -> the only crates of the product that may use it directly. What is not listed has no home of its own.
const HOMES: &[(&str, &[&str])] = &[
    ("sqlx", &["semaphore-store"]),
    ("axum", &["semaphore-server"]),
    ("axum-extra", &["semaphore-server"]),
    ("hyper", &["semaphore-server"]),
    ("hyper-util", &["semaphore-server"]),
    ("tower", &["semaphore-server"]),
    ("tower-http", &["semaphore-server"]),
    ("utoipa", &["semaphore-server"]),
    ("clap", &["semaphore-server"]),
    ("anyhow", &["semaphore-server"]),
    ("tracing-subscriber", &["semaphore-server"]),
    ("git2", &["semaphore-engine"]),
    ("ssh-key", &["semaphore-engine"]),
    ("nix", &["semaphore-engine", "semaphore-ffi", "semaphore-server"]),
    ("libc", &["semaphore-engine", "semaphore-ffi", "semaphore-server"]),
    ("ldap3", &["semaphore-service"]),
    ("openidconnect", &["semaphore-service"]),
    ("lettre", &["semaphore-service"]),
    ("bcrypt", &["semaphore-service"]),
    ("reqwest", &["semaphore-service", "semaphore-server"]),
];

/// Crates that may be nowhere in the product, however deep: a C TLS library, and whoever installs signal handlers.
const BANNED: &[&str] =
    &["openssl-sys", "native-tls", "aws-lc-sys", "signal-hook", "signal-hook-registry", "ctrlc", "serde_yaml"];

/// Features of tokio that install a SIGCHLD handler, read signals, or bring both.
const BANNED_TOKIO: &[&str] = &["process", "signal", "full"];

/// What the C library must not contain.
const NOT_IN_LIBRARY: &[&str] =
    &["sqlx", "libsqlite3-sys", "axum", "hyper", "tower", "rustls", "clap", "signal-hook-registry"];

/// Licences that may be linked or used to build; MPL-2.0 only for cbindgen, which is a tool.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "0BSD",
    "CC0-1.0",
];

/// Lines of code and comments that a file may have without its tests.
const FILE_LINES: usize = 450;

fn metadata() -> &'static Metadata {
    static METADATA: OnceLock<Metadata> = OnceLock::new();
    METADATA.get_or_init(|| {
        MetadataCommand::new()
            .manifest_path(project_root().join("Cargo.toml"))
            .other_options(["--locked".to_owned(), "--offline".to_owned()])
            .exec()
            .expect("cargo metadata")
    })
}

fn package(name: &str) -> &'static Package {
    metadata().workspace_packages().into_iter().find(|p| p.name == name).unwrap_or_else(|| panic!("no crate {name}"))
}

/// Everything that the package links, itself included.
fn closure(root: &PackageId) -> BTreeSet<&'static PackageId> {
    let resolve = metadata().resolve.as_ref().expect("a resolved graph");
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|n| (&n.id, n)).collect();
    let mut found = BTreeSet::new();
    let mut waiting = vec![nodes[root]];
    while let Some(node) = waiting.pop() {
        if found.insert(&node.id) {
            let normal = node.deps.iter().filter(|d| d.dep_kinds.iter().any(|k| k.kind == DependencyKind::Normal));
            waiting.extend(normal.map(|d| nodes[&d.pkg]));
        }
    }
    found
}

/// The crates that make up the product, without tests, benches and tools.
fn product() -> Vec<&'static Package> {
    DIRECTIONS.iter().map(|(name, _)| package(name)).collect()
}

fn assert_none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

// ---------------------------------------------------------------- dependencies

/// Uses of (crate, used crate) that the table does not allow.
fn wrong_directions(uses: &[(String, String)]) -> Vec<String> {
    uses.iter()
        .filter(|(user, used)| {
            !DIRECTIONS.iter().any(|(name, allowed)| name == user && allowed.contains(&used.as_str()))
        })
        .map(|(user, used)| format!("{user} uses {used}"))
        .collect()
}

#[test]
fn crates_use_each_other_in_one_direction() {
    let names: BTreeSet<_> = DIRECTIONS.iter().map(|(name, _)| *name).collect();
    let uses: Vec<_> = product()
        .iter()
        .flat_map(|p| p.dependencies.iter().map(|d| (p.name.to_string(), d.name.clone())))
        .filter(|(_, used)| names.contains(used.as_str()))
        .collect();
    assert!(uses.len() > 8, "the workspace was not read: {uses:?}");
    assert_none(
        "a crate uses another one against the direction (ARCHITECTURE.md, import table)",
        &wrong_directions(&uses),
    );
    let against = ("semaphore-model".to_owned(), "semaphore-engine".to_owned());
    assert_eq!(wrong_directions(&[against]).len(), 1);
}

#[test]
fn every_crate_has_its_place_in_the_table() {
    let others = ["semaphore-tests", "semaphore-test-machine", "semaphore-benches", "xtask"];
    let missing: Vec<_> = metadata()
        .workspace_packages()
        .iter()
        .map(|p| p.name.to_string())
        .filter(|n| !others.contains(&n.as_str()) && !DIRECTIONS.iter().any(|(name, _)| name == n))
        .collect();
    assert_none("a crate without an entry in DIRECTIONS", &missing);
}

/// Uses of a foreign crate outside its home.
fn strays(uses: &[(String, String)]) -> Vec<String> {
    uses.iter()
        .filter(|(user, used)| HOMES.iter().any(|(name, homes)| name == used && !homes.contains(&user.as_str())))
        .map(|(user, used)| format!("{user} uses {used}"))
        .collect()
}

#[test]
fn foreign_crates_stay_at_home() {
    let uses: Vec<_> = product()
        .iter()
        .flat_map(|p| {
            let linked = p.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal);
            linked.map(|d| (p.name.to_string(), d.name.clone()))
        })
        .collect();
    assert_none("a foreign crate outside its home", &strays(&uses));
    assert_eq!(strays(&[("semaphore-service".to_owned(), "sqlx".to_owned())]).len(), 1);
}

#[test]
fn banned_crates_are_nowhere_in_the_product() {
    let mut broken = Vec::new();
    for root in product() {
        for id in closure(&root.id) {
            let name = metadata()[id].name.as_str();
            if BANNED.contains(&name) {
                broken.push(format!("{} brings {name}", root.name));
            }
        }
    }
    assert_none("a banned crate", &broken);
}

#[test]
fn tokio_installs_no_signal_handler() {
    let resolve = metadata().resolve.as_ref().unwrap();
    let tokio = resolve.nodes.iter().find(|n| metadata()[&n.id].name == "tokio").expect("tokio is used");
    let on: Vec<_> =
        tokio.features.iter().filter(|f| BANNED_TOKIO.contains(&f.as_str())).map(ToString::to_string).collect();
    assert!(!tokio.features.is_empty(), "features were not resolved");
    assert_none("features of tokio that install signal handlers (docs/design/abi.md)", &on);
}

#[test]
fn the_c_library_links_no_database_and_no_server() {
    let linked = closure(&package("semaphore-ffi-artifact").id);
    assert!(linked.len() > 20, "the graph of the C library was not read");
    let broken: Vec<_> = linked
        .iter()
        .map(|id| metadata()[*id].name.to_string())
        .filter(|n| NOT_IN_LIBRARY.contains(&n.as_str()) || n.starts_with("sqlx-") || n.starts_with("axum-"))
        .collect();
    assert_none("the C library would contain", &broken);
}

/// Whether an SPDX expression can be satisfied with the allowed licences; parentheses only around one side of AND.
fn licence_is_allowed(expression: &str) -> bool {
    expression.split(" AND ").all(|part| {
        let part = part.trim().trim_start_matches('(').trim_end_matches(')').replace('/', " OR ");
        part.split(" OR ").any(|one| LICENCES.contains(&one.trim()))
    })
}

#[test]
fn licences_are_permissive_and_sources_are_the_registry() {
    let mut broken = Vec::new();
    for package in &metadata().packages {
        let licence = package.license.as_deref().unwrap_or("(none)");
        let tool = package.name == "cbindgen" && licence == "MPL-2.0";
        if !tool && !licence_is_allowed(licence) {
            broken.push(format!("{} {}: licence {licence}", package.name, package.version));
        }
        if package.source.as_ref().is_some_and(|s| !s.is_crates_io()) {
            broken.push(format!("{} comes from {}", package.name, package.source.as_ref().unwrap()));
        }
    }
    assert_none("licence or source (deny.toml)", &broken);
    assert!(licence_is_allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(!licence_is_allowed("GPL-3.0-only") && !licence_is_allowed("MIT AND LGPL-2.1"));
}

// ---------------------------------------------------------------- sources

/// One source file of the product, with paths relative to the project.
struct Source {
    path: String,
    text: String,
    /// The text without comments, contents of string literals and test modules; lines keep their numbers.
    code: String,
}

fn sources() -> &'static [Source] {
    static SOURCES: OnceLock<Vec<Source>> = OnceLock::new();
    SOURCES.get_or_init(|| {
        let mut paths = Vec::new();
        for directory in ["rust", "ffi", "xtask", "benches"] {
            collect(&project_root().join(directory), &mut paths);
        }
        paths.sort();
        assert!(paths.len() > 20, "the sources were not found");
        paths.iter().map(|p| Source::read(p)).collect()
    })
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            if entry.file_name() != "target" {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

impl Source {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let path = path.strip_prefix(project_root()).unwrap().to_string_lossy().into_owned();
        let code = without_tests(&without_comments_and_texts(&text)).to_owned();
        Self { path, text, code }
    }

    /// Whether the whole file is a test.
    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self.path.ends_with("_tests.rs")
            || self.path.contains("/tests/")
            || self.path.starts_with("benches/")
    }

    /// "path:line" of every line of code that contains the pattern as whole words.
    fn lines_with(&self, pattern: &str) -> Vec<String> {
        lines_with(&self.code, pattern).into_iter().map(|n| format!("{}:{n}: {pattern}", self.path)).collect()
    }
}

/// Blanks out comments and the contents of string and character literals; every line break stays.
fn without_comments_and_texts(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
    while at < characters.len() {
        let rest = &characters[at..];
        let word_before = at > 0 && (characters[at - 1].is_alphanumeric() || characters[at - 1] == '_');
        let length = match rest {
            ['/', '/', ..] => rest.iter().position(|&c| c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => block_comment(rest),
            ['"', ..] => text_literal(rest),
            ['r', '"' | '#', ..] | ['b', 'r', ..] if !word_before => raw_literal(rest),
            ['\'', '\\', ..] => 2 + rest[2..].iter().skip(1).position(|&c| c == '\'').map_or(1, |n| n + 2),
            ['\'', _, '\'', ..] => 3,
            _ => 0,
        };
        if length == 0 {
            code.push(rest[0]);
            at += 1;
        } else {
            code.extend(rest[..length.min(rest.len())].iter().map(|&c| blank(c)));
            at += length;
        }
    }
    code
}

fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at + 1 < rest.len() {
        match (rest[at], rest[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

fn text_literal(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Length of `r"..."`, `r#"..."#`, `br"..."`; 0 if it is none of them (a raw identifier, a name that begins with r).
fn raw_literal(rest: &[char]) -> usize {
    let start = usize::from(rest[0] == 'b') + 1;
    let hashes = rest[start..].iter().take_while(|&&c| c == '#').count();
    if rest.get(start + hashes) != Some(&'"') {
        return 0;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = start + hashes + 1;
    rest[body..].windows(end.len()).position(|w| w == end).map_or(rest.len(), |n| body + n + end.len())
}

/// The code up to its test module, which is the last thing in a file.
fn without_tests(code: &str) -> &str {
    code.find("#[cfg(test)]\nmod ").or_else(|| code.find("#[cfg(test)]\n#[allow")).map_or(code, |at| &code[..at])
}

/// Numbers of the lines that contain the pattern with no letter, digit or underscore directly before or after it.
fn lines_with(code: &str, pattern: &str) -> Vec<usize> {
    let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let edge = |c: char| c.is_alphanumeric() || c == '_';
    let (first, last) = (pattern.chars().next().is_some_and(edge), pattern.chars().last().is_some_and(edge));
    let hit = |line: &str| {
        line.match_indices(pattern).any(|(at, _)| {
            let inside =
                (first && word(line[..at].chars().last())) || (last && word(line[at + pattern.len()..].chars().next()));
            !inside
        })
    };
    code.lines().enumerate().filter(|(_, line)| hit(line)).map(|(n, _)| n + 1).collect()
}

/// Where the pattern stands in the code of the product outside the allowed paths.
fn outside(pattern: &str, allowed: &[&str]) -> Vec<String> {
    let elsewhere = sources().iter().filter(|s| !s.is_test() && !allowed.iter().any(|a| s.path.starts_with(a)));
    elsewhere.flat_map(|s| s.lines_with(pattern)).collect()
}

#[test]
fn the_reader_of_sources_sees_code_only() {
    let text = "let a = \"unsafe {\"; // unsafe\nunsafe { x }\nlet c = '\"'; let d = 'x';\n/* unsafe /* nested */ unsafe */ fn f<'a>() {}\n\
        let r = r#\"unsafe \" \"#; let not_unsafe = 1;\n#[cfg(test)]\nmod tests { unsafe {} }\n";
    let code = without_comments_and_texts(text);
    assert_eq!(code.lines().count(), text.lines().count());
    assert_eq!(lines_with(without_tests(&code), "unsafe"), [2]);
    assert_eq!(lines_with("Command::new(x)\nMyCommand::new", "Command::new"), [1]);
}

#[test]
fn unsafe_code_stays_at_home() {
    assert_none(
        "unsafe code outside ffi and rust/engine/src/process",
        &outside("unsafe", &["ffi/", "rust/engine/src/process"]),
    );
    let home: usize = sources().iter().map(|s| s.lines_with("unsafe").len()).sum();
    assert!(home > 0, "no unsafe code was found where it lives: the rule sees nothing");
}

#[test]
fn crates_without_unsafe_code_forbid_it() {
    let roots = ["rust/model", "rust/task", "rust/store", "rust/service", "rust/server"];
    let mut broken = Vec::new();
    for root in roots {
        for file in ["src/lib.rs", "src/main.rs"] {
            let path = project_root().join(root).join(file);
            if path.exists() && !fs::read_to_string(&path).unwrap().contains("#![forbid(unsafe_code)]") {
                broken.push(format!("{root}/{file}"));
            }
        }
    }
    assert_none("a crate root without #![forbid(unsafe_code)]", &broken);
}

#[test]
fn child_processes_are_started_in_one_place() {
    let home = &["rust/engine/src/process", "xtask/"];
    for pattern in ["Command::new", "process::Command", "posix_spawn", "fork", "execve"] {
        assert_none("a child process outside rust/engine/src/process", &outside(pattern, home));
    }
    assert_none(
        "tokio's processes and signals",
        &[outside("tokio::process", &[]), outside("tokio::signal", &[])].concat(),
    );
}

#[test]
fn libraries_do_not_read_the_environment() {
    // The service reads it for access keys whose source is a variable of the server: that is what such a key is.
    // A build script is told through it what is compiled, and how.
    let home = &["rust/server/", "rust/service/src/key/", "ffi/build.rs", "xtask/"];
    for pattern in ["env::var", "env::var_os", "env::vars", "env::set_var", "env::current_dir"] {
        assert_none("a library reads the environment", &outside(pattern, home));
    }
}

#[test]
fn the_model_has_no_clock_and_no_files() {
    let mut broken = Vec::new();
    for pattern in ["Utc::now", "Local::now", "SystemTime", "Instant", "std::fs", "std::net", "async fn"] {
        broken
            .extend(sources().iter().filter(|s| s.path.starts_with("rust/model/")).flat_map(|s| s.lines_with(pattern)));
    }
    assert_none("the model uses a clock, files or async", &broken);
}

#[test]
fn every_file_says_what_it_is_for() {
    let broken: Vec<_> =
        sources().iter().filter(|s| !s.is_test() && !s.text.starts_with("//!")).map(|s| s.path.clone()).collect();
    assert_none("a file that does not begin with //!", &broken);
}

#[test]
fn files_stay_readable() {
    let length = |s: &Source| without_tests(&s.code).lines().count();
    let broken: Vec<_> = sources()
        .iter()
        .filter(|s| !s.is_test() && length(s) > FILE_LINES)
        .map(|s| format!("{}: {} lines", s.path, length(s)))
        .collect();
    assert_none(&format!("a file with more than {FILE_LINES} lines without its tests"), &broken);
}

#[test]
fn names_mean_something() {
    let vague = ["utils", "util", "helpers", "helper", "common", "manager", "misc"];
    let broken: Vec<_> = sources()
        .iter()
        .filter(|s| {
            Path::new(&s.path)
                .components()
                .any(|c| vague.contains(&c.as_os_str().to_string_lossy().trim_end_matches(".rs")))
        })
        .map(|s| s.path.clone())
        .collect();
    assert_none("a module whose name says nothing", &broken);
}

#[test]
fn nothing_is_left_unfinished() {
    let mut broken = Vec::new();
    for pattern in ["todo!", "unimplemented!", "dbg!"] {
        broken.extend(outside(pattern, &[]));
    }
    for source in sources() {
        for mark in [concat!("TO", "DO"), concat!("FIX", "ME")] {
            let lines = lines_with(&source.text, mark);
            broken.extend(lines.into_iter().map(|n| format!("{}:{n}: {mark}", source.path)));
        }
    }
    assert_none("unfinished work", &broken);
}
