//! The programs of `docs/embed.md`, as they stand there, and the Python program with a pool.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use anyhow::{Context as _, Result};

use crate::{artifact::SONAME, root, smoke::WARNINGS};

/// What every program of the page prints.
const SAID: &str = "hello from a child\nexit code 3\n";

/// Builds and runs them against the shared library in `directory`, whose files lie in `built`; name and success of each.
pub(crate) fn programs(directory: &Path, built: &Path) -> Result<Vec<(String, bool)>> {
    let page = fs::read_to_string(root()?.join("docs/embed.md")).context("cannot read docs/embed.md")?;
    let mut done = Vec::new();
    for (language, compiler, standard) in
        [("c", "cc", "-std=c11"), ("cpp", "c++", "-std=c++17"), ("python", "python3", "")]
    {
        let name = format!("the {language} program of docs/embed.md");
        let text = block(&page, language).with_context(|| format!("{name} is gone"))?;
        let source = built.join(format!("embed.{language}"));
        fs::write(&source, text)?;
        let mut command = if standard.is_empty() {
            let mut command = Command::new(compiler);
            command.arg(&source).arg(built.join(SONAME));
            command
        } else {
            let binary = built.join(format!("embed-{language}"));
            let mut compile = Command::new(compiler);
            compile.arg(standard).args(WARNINGS).arg(format!("-I{}", root()?.join("include").display()));
            compile.arg(&source).arg("-o").arg(&binary).arg(directory.join("libsemaphore_ffi.so"));
            if !succeeds(compile.arg(format!("-Wl,-rpath,{}", built.display())))? {
                done.push((name, false));
                continue;
            }
            Command::new(binary)
        };
        let output = run(&mut command)?;
        done.push((name, output.status.success() && output.stdout == SAID.as_bytes()));
    }
    done.push(("run_pool.py".to_owned(), pool(built)?));
    Ok(done)
}

/// The first block of the page in a language.
fn block<'page>(page: &'page str, language: &str) -> Option<&'page str> {
    let (_, rest) = page.split_once(&format!("\n```{language}\n"))?;
    rest.split_once("```\n").map(|(text, _)| text)
}

/// Five scripts, at most two at once, of which one fails.
fn pool(built: &Path) -> Result<bool> {
    let directory = built.join("pool");
    fs::create_dir_all(&directory)?;
    for number in 1..=5 {
        let end = if number == 4 { "exit 7" } else { "sleep 0.1" };
        fs::write(directory.join(format!("{number}.sh")), format!("echo this is {number}\n{end}\n"))?;
    }
    let mut command = Command::new("python3");
    command.arg(root()?.join("tests/ffi/run_pool.py")).arg(built.join(SONAME)).arg(&directory).arg("2");
    // No compiled copy of run_job.py among the sources.
    let output = run(command.env("PYTHONDONTWRITEBYTECODE", "1"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let expected = ["1.sh | this is 1\n", "5.sh: success\n", "4.sh: failed exit status 7\n", "most at once 2\n"];
    Ok(output.status.code() == Some(1) && expected.iter().all(|line| said.contains(line)))
}

fn succeeds(command: &mut Command) -> Result<bool> {
    Ok(run(command)?.status.success())
}

/// Runs a command and shows what it printed.
fn run(command: &mut Command) -> Result<Output> {
    let output = command.output().with_context(|| format!("cannot run {}", command.get_program().to_string_lossy()))?;
    print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_ends_where_it_ends() {
        let page = "x\n```c\nint a;\n```\ny\n```cpp\nint b;\n```\n";
        assert_eq!(
            (block(page, "c"), block(page, "cpp"), block(page, "python")),
            (Some("int a;\n"), Some("int b;\n"), None)
        );
    }
}
