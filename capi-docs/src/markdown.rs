//! The Markdown of the documentation: its parts, and the same in the language of man(7).

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd, TextMergeStream};
use roff::{Inline, Roff, bold, italic, roman};

/// The text below a heading of the first level.
pub struct Section<'a> {
    /// Empty for the text above the first heading.
    pub heading: &'a str,
    pub text: &'a str,
}

/// Divides a text at its headings of the first level.
pub fn sections(text: &str) -> Vec<Section<'_>> {
    divided(text, HeadingLevel::H1)
}

/// Divides a text at its headings of one level. Headings do not occur in code.
pub(crate) fn divided(text: &str, level: HeadingLevel) -> Vec<Section<'_>> {
    let mut sections = Vec::new();
    let mut heading = "";
    let mut start = 0;
    for (event, range) in Parser::new(text).into_offset_iter() {
        if matches!(event, Event::Start(Tag::Heading { level: found, .. }) if found == level) {
            sections.push(Section { heading, text: text[start..range.start].trim() });
            heading = text[range.clone()].trim_matches(['#', ' ', '\n']);
            start = range.end;
        }
    }
    sections.push(Section { heading, text: text[start..].trim() });
    sections
}

/// Returns what stands between backticks. Blocks of code do not count.
pub fn inline_codes(text: &str) -> Vec<String> {
    let code = |event| match event {
        Event::Code(code) => Some(code.into_string()),
        _ => None,
    };
    Parser::new(text).filter_map(code).collect()
}

/// Returns the blocks of C code.
pub(crate) fn code_blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut is_c = false;
    for event in TextMergeStream::new(Parser::new(text)) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                is_c = &*language == "c"
            }
            Event::End(TagEnd::CodeBlock) => is_c = false,
            Event::Text(code) if is_c => blocks.push(code.into_string()),
            _ => {}
        }
    }
    blocks
}

/// How code in running text is shown: a function that returns what replaces the code between two
/// backticks.
pub(crate) type ShowCode<'a> = dyn Fn(&str) -> Vec<Inline> + 'a;

/// Writes C code, or something else that is shown line by line.
pub(crate) fn listing(page: &mut Roff, code: &str) {
    page.control("in", ["+4n"]).control("EX", []);
    for line in code.trim_end().lines() {
        page.text([roman(line)]);
    }
    page.control("EE", []).control("in", []);
}

/// Writes text as below a heading.
pub(crate) fn body(page: &mut Roff, text: &str, code: &ShowCode) {
    Writer { page, code, paragraph: "PP", is_first: true, line: Line::default() }.write(text);
}

/// Writes a tag and the text that belongs to it.
pub(crate) fn tagged(page: &mut Roff, tag: Vec<Inline>, text: &str, code: &ShowCode) {
    page.control("TP", []).text(tag);
    Writer { page, code, paragraph: "IP", is_first: true, line: Line::default() }.write(text);
}

/// The text of a paragraph that has been read so far.
#[derive(Default)]
struct Line {
    inlines: Vec<Inline>,
    is_emphasised: bool,
}

struct Writer<'a> {
    page: &'a mut Roff,
    code: &'a ShowCode<'a>,
    /// The macro between two paragraphs.
    paragraph: &'static str,
    is_first: bool,
    line: Line,
}

impl Writer<'_> {
    fn write(mut self, text: &str) {
        // Whether the next text is the first of an item of a list.
        let mut is_item = false;
        let mut is_listing = false;
        for event in TextMergeStream::new(Parser::new(text)) {
            match event {
                Event::Text(text) if is_listing => listing(self.page, &text),
                Event::Text(text) => self.push_text(&text),
                Event::SoftBreak => self.push_text(" "),
                Event::Code(code) => self.line.inlines.extend((self.code)(&code)),
                Event::Start(Tag::Emphasis | Tag::Strong) => self.line.is_emphasised = true,
                Event::End(TagEnd::Emphasis | TagEnd::Strong) => self.line.is_emphasised = false,
                Event::Start(Tag::Paragraph) => {}
                Event::End(TagEnd::Paragraph) if !is_item => self.end_paragraph(),
                Event::End(TagEnd::Paragraph) => {
                    self.end_item();
                    is_item = false;
                }
                Event::Start(Tag::List(None)) | Event::End(TagEnd::List(_)) => {}
                Event::Start(Tag::Item) => is_item = true,
                Event::End(TagEnd::Item) => {
                    if is_item {
                        self.end_item();
                    }
                    is_item = false;
                }
                Event::Start(Tag::CodeBlock(_)) => {
                    if !self.is_first {
                        self.page.control("PP", []);
                    }
                    self.is_first = false;
                    is_listing = true;
                }
                Event::End(TagEnd::CodeBlock) => is_listing = false,
                other => panic!("the manual pages can't show {other:?}, in:\n{text}"),
            }
        }
    }

    fn push_text(&mut self, text: &str) {
        let text = if self.line.is_emphasised { italic(text) } else { roman(text) };
        self.line.inlines.push(text);
    }

    fn end_paragraph(&mut self) {
        if !self.is_first {
            self.page.control(self.paragraph, []);
        }
        self.is_first = false;
        self.page.text(std::mem::take(&mut self.line).inlines);
    }

    /// Ends the first paragraph of an item of a list. An item that begins with code, followed by a
    /// colon, explains that.
    fn end_item(&mut self) {
        self.is_first = false;
        let mut text = std::mem::take(&mut self.line).inlines;
        let colon = text.iter().position(|it| matches!(it, Inline::Roman(it) if it.contains(": ")));
        let begins_with_code = matches!(text.first(), Some(Inline::Bold(_) | Inline::Italic(_)));
        let is_between_codes = |it: &Inline| match it {
            Inline::Roman(text) => [", ", " and ", " or "].contains(&&**text),
            _ => true,
        };
        match colon {
            Some(at) if begins_with_code && text[..at].iter().all(is_between_codes) => {
                let Inline::Roman(first) = &text[at] else { unreachable!("it has a colon") };
                let (end_of_term, first) = first.split_once(": ").expect("it has a colon");
                let (end_of_term, first) = (end_of_term.to_owned(), first.to_owned());
                let mut rest = text.split_off(at);
                rest[0] = roman(first);
                text.push(roman(end_of_term));
                self.page.control("TP", []).text(text).text(rest);
            }
            _ => {
                self.page.control("IP", ["\\(bu", "2"]).text(text);
            }
        }
    }
}

/// Renders a page. The crate `roff` keeps hyphens, apostrophes and backslashes as they are; this
/// does so for the other characters that some programs show as others.
pub(crate) fn rendered(page: &Roff) -> String {
    let text = page.render().replace("\\\\", "\\e");
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '`' => escaped += "\\(ga",
            '^' => escaped += "\\(ha",
            '~' => escaped += "\\(ti",
            c if c.is_ascii() => escaped.push(c),
            c => escaped += &format!("\\[u{:04X}]", c as u32),
        }
    }
    escaped
}

/// Returns a reference to a page of the manual.
pub(crate) fn reference(name: &str, section: u8) -> Vec<Inline> {
    vec![bold(name), roman(format!("({section})"))]
}
