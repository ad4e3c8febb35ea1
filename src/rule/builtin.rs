//! The rules and tables that are part of the binary.

use include_dir::{Dir, include_dir};

use super::Target;
use super::tree::read_text;

/// Their files.
static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/rules");

/// What the build script found in them; see there.
static PARSED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rules.bin"));

/// The digest over all of them.
pub(super) const DIGEST: &str = env!("RULES_DIGEST");

/// How the files of rules and tables end.
const SUFFIX: &str = ".yaml";

/// A built-in rule file.
#[derive(Clone, Copy, Debug)]
pub(super) struct BuiltinRule {
    /// `area/bad-pattern`.
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    /// What its `target` says, where it is a target.
    pub(super) target: Option<Target>,
    /// The tree of the text without its examples; see `tree.rs`.
    pub(super) tree: &'static [u8],
}

/// All files beneath a folder, by their paths.
fn files() -> Vec<(&'static str, &'static str)> {
    let mut files: Vec<(&str, &str)> = Vec::new();
    let mut folders = vec![&FILES];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        files.extend(folder.files().filter_map(|file| {
            let path = file.path().to_str().filter(|path| path.ends_with(SUFFIX))?;
            Some((path, file.contents_utf8()?))
        }));
    }
    files.sort_unstable();
    files
}

/// The rules, in the order of their paths.
pub(super) fn rules() -> Vec<BuiltinRule> {
    let mut parsed = parsed().into_iter().peekable();
    files()
        .into_iter()
        .filter(|(path, _)| !path.starts_with("data/"))
        .map(|(path, text)| {
            let name = path.trim_end_matches(SUFFIX);
            // Both are sorted; a rule without a tree is parsed when it is loaded.
            let (target, tree) =
                parsed.next_if(|(own, ..)| *own == name).map_or((None, &[][..]), |(_, t, tree)| (t, tree));
            BuiltinRule { name, text, target, tree }
        })
        .collect()
}

/// Names and texts of the tables, in the order of their paths.
pub(super) fn tables() -> Vec<(&'static str, &'static str)> {
    let of_data = |(path, text): (&'static str, _)| Some((path.strip_prefix("data/")?.trim_end_matches(SUFFIX), text));
    files().into_iter().filter_map(of_data).collect()
}

fn parsed() -> Vec<(&'static str, Option<Target>, &'static [u8])> {
    let mut rest = PARSED;
    let mut next = || {
        let name = read_text(&mut rest)?;
        let target = Target::named(read_text(&mut rest)?);
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (tree, after) = after.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        rest = after;
        Some((name, target, tree))
    };
    std::iter::from_fn(&mut next).collect()
}
