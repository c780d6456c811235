//! `capi-docs header` writes the C headers in `include`, and `capi-docs man DIRECTORY` the manual
//! pages.

use capi_docs::{HEADERS, Library, root};
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["header"] => write_headers(),
        ["man", directory] => Library::read().write_pages(Path::new(directory)),
        _ => {
            eprintln!("usage: capi-docs header | man DIRECTORY");
            return ExitCode::FAILURE;
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("capi-docs: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_headers() -> io::Result<()> {
    for (name, text) in HEADERS.into_iter().zip(Library::read().headers) {
        fs::write(root().join("include").join(name), text)?;
    }
    Ok(())
}
