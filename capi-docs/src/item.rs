//! An item of the C API: what a header declares, with its documentation.

use crate::markdown::{self, Section};
use crate::source::Kind;

/// Constants that have no name without the prefix.
const PREFIXED_CONSTANTS: [&str; 3] = ["DILL_INHERIT", "DILL_REQUEST", "DILL_SHIELD"];

/// Functions that have one only where `DILL_RAW_NAMES` is 2.
pub const PREFIXED_FUNCTIONS: [&str; 5] =
    ["dill_deadline", "dill_dump", "dill_last_resort", "dill_left", "dill_reason"];

/// Something that a header declares.
pub struct Item {
    /// The name with its prefix.
    pub name: String,
    pub header: &'static str,
    /// The heading in the header that it stands below.
    pub heading: String,
    /// Whether it is left out with `DILL_DISABLE_SOCKETS`.
    pub is_of_sockets: bool,
    /// The parameters of a function, and of a macro that looks like one.
    pub parameters: Option<Vec<String>>,
    pub returns_nothing: bool,
    /// The members of a structure with their comments.
    pub members: Vec<(String, String)>,
    /// The comment, in Markdown.
    pub documentation: String,
    /// The declaration in C, without comments and attributes.
    pub declaration: String,
}

impl Item {
    /// Creates an item whose place in the headers is not known yet.
    pub(crate) fn new(name: &str, documentation: &str, declaration: String, kind: &Kind) -> Self {
        let mut item = Self {
            name: name.to_owned(),
            header: "",
            heading: String::new(),
            is_of_sockets: false,
            parameters: None,
            returns_nothing: false,
            members: Vec::new(),
            documentation: documentation.to_owned(),
            declaration,
        };
        match kind {
            Kind::Function { parameters, returns_nothing } => {
                item.parameters = Some(parameters.clone());
                item.returns_nothing = *returns_nothing;
            }
            Kind::Structure { members } => item.members.clone_from(members),
            Kind::Constant | Kind::Variable => {}
        }
        item
    }

    pub fn is_macro(&self) -> bool {
        self.declaration.starts_with('#')
    }

    pub(crate) fn is_structure(&self) -> bool {
        self.declaration.starts_with("struct ")
    }

    /// Returns whether programs only give or take its address.
    pub(crate) fn is_opaque(&self) -> bool {
        self.is_structure() && self.members.is_empty()
    }

    /// Returns whether it belongs to the machinery behind `go`.
    pub fn is_internal(&self) -> bool {
        self.documentation.contains("not for direct use")
    }

    /// Returns whether it is a function, or a macro that looks like one, that programs call.
    pub fn has_page(&self) -> bool {
        self.parameters.is_some() && !self.is_internal()
    }

    /// Returns whether most programs only have the name with the prefix.
    pub fn is_prefixed_only(&self) -> bool {
        let name = &*self.name;
        PREFIXED_CONSTANTS.contains(&name) || PREFIXED_FUNCTIONS.contains(&name)
    }

    /// Returns the name that most programs use: without the prefix, if there is such a name.
    pub fn short_name(&self) -> &str {
        if self.is_prefixed_only() { &self.name } else { &self.name["dill_".len()..] }
    }

    /// Returns the short name of the function that this one is a variant of, with memory of the
    /// caller's.
    pub fn base_name(&self) -> Option<&str> {
        self.short_name().strip_suffix("_mem").filter(|_| self.has_page())
    }

    /// Returns the sections of the documentation. The first one has no heading.
    pub fn sections(&self) -> Vec<Section<'_>> {
        markdown::sections(&self.documentation)
    }

    /// Returns the text above the first heading.
    pub fn description(&self) -> &str {
        self.sections()[0].text
    }

    /// Returns the text below a heading.
    pub fn section(&self, heading: &str) -> Option<&str> {
        self.sections().iter().skip(1).find(|it| it.heading == heading).map(|it| it.text)
    }

    /// Returns the first sentence, without its stop.
    pub(crate) fn purpose(&self) -> String {
        let paragraph = self.description().split("\n\n").next().expect("split gives something");
        let paragraph = paragraph.replace('\n', " ");
        let end = paragraph.find(". ").unwrap_or(paragraph.len());
        paragraph[..end].trim().trim_end_matches(['.', ':']).to_owned()
    }

    /// Returns the C code of the examples.
    pub fn examples(&self) -> Vec<String> {
        self.section("Example").map_or(Vec::new(), markdown::code_blocks)
    }
}
