//! Other names of manual pages: those with the prefix, and those of types and constants.

use crate::header::Library;
use crate::item::Item;
use crate::words;

impl Library {
    /// Returns names in section 3 with the files of the pages that they lead to. `functions` has
    /// the functions with the types and constants on their pages.
    pub(crate) fn aliases(&self, functions: &[(&Item, Vec<&Item>)]) -> Vec<(&str, String)> {
        let mut aliases = Vec::new();
        for item in self.documented() {
            let page = match item.has_page() {
                true => format!("{}.3", item.short_name()),
                false => page_with(item, functions),
            };
            if !item.has_page() {
                aliases.push((item.short_name(), page.clone()));
            }
            if !item.is_prefixed_only() {
                aliases.push((&*item.name, page));
            }
        }
        aliases
    }
}

/// Returns the file of the page that explains a type or a constant: of all functions that mention
/// it the first that takes it, or else the first below the same heading of the header.
fn page_with(item: &Item, functions: &[(&Item, Vec<&Item>)]) -> String {
    let mentioning = || {
        let mentions = |others: &[&Item]| others.iter().any(|other| other.name == item.name);
        functions.iter().filter(move |it| mentions(&it.1)).map(|it| it.0)
    };
    let takes = |function: &&Item| words(&function.declaration).any(|word| word == item.name);
    let is_near = |function: &&Item| function.heading == item.heading;
    let found = mentioning().find(takes).or_else(|| mentioning().find(is_near));
    let found = found.or_else(|| mentioning().next());
    let function = found.unwrap_or_else(|| panic!("no function mentions {}", item.name));
    format!("{}.3", function.short_name())
}
