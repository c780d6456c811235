//! Holds committed files against what generates them, and compiles examples against the C headers.
//! Shared by the tests of the headers, of the manual pages and of compatibility.

#![allow(dead_code)] // no test uses all of it

use capi_docs::root;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

/// Compares a committed file with what it should be. `command` writes it.
pub fn check_fresh(path: &Path, expected: &str, command: &str) {
    let committed = fs::read_to_string(path).unwrap_or_default();
    if committed != expected {
        let line = committed.lines().zip(expected.lines()).position(|(a, b)| a != b);
        let line = line.map_or(String::new(), |line| format!(":{}", line + 1));
        let path = path.strip_prefix(root()).unwrap().display();
        panic!("{path}{line} is out of date: run `{command}`");
    }
}

/// Compiles `source` against the headers. The compiler's complaints; `None`
/// when it isn't installed.
pub fn complaints(compiler: &str, flags: &[&str], source: &str) -> Option<String> {
    let mut child = Command::new(compiler)
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
        .arg(root().join("include"))
        .args(flags)
        .args(["-o", "/dev/null", "-S", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    // A compiler that gives up early closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(source.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() { String::new() } else { format!("failed:\n{text}") })
}

/// Compiles an example of the documentation; one that is no whole program is put into a
/// function first.
pub fn example_complaints(compiler: &str, code: &str) -> Option<String> {
    // What examples of a few lines leave to the reader's imagination.
    const PRELUDE: &str = "
#include <libdillimpl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
extern int b, s, ls, fd;
extern struct ipaddr addr, peer, trusted;
extern char *text, *header, request[100], reply[100];
void example(void);
void example(void) {
";
    let source = match code.contains("int main(") {
        true => code.to_owned(),
        false => format!("{PRELUDE}{code}}}\n"),
    };
    complaints(compiler, &["-x", "c", "-std=gnu11", "-O1", "-Wno-unused"], &source)
}

/// Where a program of this name is, if it is installed.
pub fn installed(program: &str) -> Option<PathBuf> {
    let paths = env::var_os("PATH")?;
    env::split_paths(&paths).map(|path| path.join(program)).find(|path| path.is_file())
}
