//! The Markdown of the documentation, as far as it is used there, in the language of
//! man(7): paragraphs, lists, blocks of C, code in backticks and emphasis.

/// How code in a line of text is shown.
pub trait Code {
    /// The roff of `code`, which was in backticks.
    fn inline(&self, code: &str) -> String;
}

/// Text that roff shows as it is, also when somebody copies it out of a terminal: without
/// these escapes a hyphen, for instance, may become a dash.
pub fn verbatim(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\\' => escaped += "\\e",
            '-' => escaped += "\\-",
            '\'' => escaped += "\\(aq",
            '`' => escaped += "\\(ga",
            '^' => escaped += "\\(ha",
            '~' => escaped += "\\(ti",
            '"' => escaped += "\\(dq",
            c if c.is_ascii() => escaped.push(c),
            c => escaped += &format!("\\[u{:04X}]", c as u32),
        }
    }
    escaped
}

pub fn bold(text: &str) -> String {
    format!("\\fB{}\\fP", verbatim(text))
}

pub fn italic(text: &str) -> String {
    format!("\\fI{}\\fP", verbatim(text))
}

/// A line that must not be taken for a request.
fn guarded(line: &str) -> String {
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() }
}

/// Running text. Only the minus signs of numbers are different from hyphens there.
fn prose(text: &str) -> String {
    let mut escaped = String::new();
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let is_minus =
            c == '-' && !before.is_alphanumeric() && rest.peek().is_some_and(char::is_ascii_digit);
        escaped += &if is_minus || (c != '-' && c != '\'') {
            // A quotation mark is only special in arguments.
            if c == '"' { c.to_string() } else { verbatim(&c.to_string()) }
        } else {
            c.to_string()
        };
        before = c;
    }
    escaped
}

/// A paragraph's text, on one line.
pub fn inline(text: &str, code: &dyn Code) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line = String::new();
    for (number, piece) in text.split('`').enumerate() {
        if number % 2 == 1 {
            line += &code.inline(piece);
            continue;
        }
        for (number, piece) in piece.split('*').enumerate() {
            let piece = prose(piece);
            line += &if number % 2 == 1 { format!("\\fI{piece}\\fP") } else { piece };
        }
    }
    guarded(&line)
}

/// C code, or something else that is shown line by line.
pub fn listing(text: &str) -> String {
    let lines: Vec<String> = text.trim_end().lines().map(|l| guarded(&verbatim(l))).collect();
    format!(".in +4n\n.EX\n{}\n.EE\n.in\n", lines.join("\n"))
}

/// A tag and what is said of it.
pub fn tagged(tag: &str, text: &str, code: &dyn Code) -> String {
    format!(".TP\n{}\n{}", guarded(tag), body(text, code, ".IP\n"))
}

/// One list item from `- ` to the next, its continuation lines included.
fn list(text: &str, code: &dyn Code) -> String {
    let mut page = String::new();
    for entry in format!("\n{text}").split("\n- ").skip(1) {
        // An item that begins with names: a list of terms.
        let term = entry.split_once(": ").filter(|(term, _)| {
            term.starts_with('`') && !term.contains('\n') && term.matches('`').count() % 2 == 0
        });
        page += &match term {
            Some((term, rest)) => tagged(&inline(term, code), rest, code),
            None => format!(".IP \\(bu 2\n{}\n", inline(entry, code)),
        };
    }
    page
}

/// Everything below a heading. `.PP` goes in front of each paragraph but the first.
pub fn body(text: &str, code: &dyn Code, paragraph: &str) -> String {
    let mut page = String::new();
    for (number, block) in text.split("```").enumerate() {
        if number % 2 == 1 {
            let listed = block.split_once('\n').map_or("", |(_, code)| code);
            if !page.is_empty() {
                page += ".PP\n";
            }
            page += &listing(listed);
            continue;
        }
        for block in block.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
            // A list may follow the line that introduces it at once.
            let start = if block.starts_with("- ") { Some(0) } else { block.find("\n- ") };
            let (text, items) = block.split_at(start.unwrap_or(block.len()));
            if !text.trim().is_empty() {
                if !page.is_empty() {
                    page += paragraph;
                }
                page += &format!("{}\n", inline(text, code));
            }
            page += &list(items.trim_start(), code);
        }
    }
    page
}
