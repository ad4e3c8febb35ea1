//! The tables of `rules/data`: dates, versions and names that change without
//! the rules. Each names its source and its date.
//!
//! A table is read when a rule first asks for it, and of the life cycles only
//! the products that are asked for: most audits need a few rows of them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::builtin::{self, BuiltinTable};
use super::tree::{self, LIFECYCLE};
use super::yaml::{self, Node, Style};
use crate::fact::{Fact, Source, Value};

/// All tables, by the names of their files.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    tables: BTreeMap<String, Table>,
    products: BTreeMap<&'static str, Table>,
}

#[derive(Debug)]
struct Table {
    /// Its place, such as `rules/data/lifecycle.yaml`.
    path: String,
    text: &'static str,
    /// The tree of the text, as `tree.rs` has it; empty where it must be parsed.
    tree: &'static [u8],
    fact: OnceLock<Fact>,
}

impl Table {
    fn root(&self) -> Result<Node, yaml::YamlError> {
        tree::read(&mut &*self.tree).map_or_else(|| yaml::parse(self.text), Ok)
    }
}

/// The built-in tables.
pub(super) fn builtin() -> Tables {
    Tables::new(builtin::tables())
}

impl Tables {
    /// These tables.
    pub(super) fn new(tables: Vec<BuiltinTable>) -> Self {
        let mut all = Tables::default();
        for BuiltinTable { name, text, tree, products } in tables {
            let table =
                |text, tree| Table { path: format!("rules/data/{name}.yaml"), text, tree, fact: OnceLock::new() };
            if name == LIFECYCLE && products.is_empty() {
                let blocks = split_products(text).into_iter();
                all.products = blocks.map(|(name, block)| (name, table(block, &[]))).collect();
            }
            all.products.extend(products.into_iter().map(|(name, tree)| (name, table("", tree))));
            all.tables.insert(name.to_owned(), table(text, tree));
        }
        all
    }

    /// The names of all tables.
    pub(super) fn names(&self) -> Vec<&str> {
        self.tables.keys().map(String::as_str).collect()
    }

    /// A table.
    pub(super) fn table(&self, name: &str) -> Option<&Fact> {
        let table = self.tables.get(name)?;
        Some(table.fact.get_or_init(|| {
            table.root().and_then(|root| read_table(&table.path, &root)).unwrap_or_else(|error| broken(table, &error))
        }))
    }

    /// Whether there are life cycles of a product; costs no reading.
    pub(super) fn has_product(&self, name: &str) -> bool {
        self.products.contains_key(name)
    }

    /// The cycles of a product.
    pub(super) fn product(&self, name: &str) -> Option<&Fact> {
        let (product, block) = self.products.get_key_value(name)?;
        let table = self.tables.get(LIFECYCLE)?;
        Some(block.fact.get_or_init(|| {
            block.root().map_or_else(|error| broken(table, &error), |root| read_product(table, product, &root))
        }))
    }

    /// The day of each table.
    pub(super) fn dates(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.tables.iter().filter_map(|(name, table)| Some((name.as_str(), top_level(table.text, "date")?)))
    }

    /// The faults of all tables, with places and texts; tests ask for them.
    pub(super) fn faults(&self) -> Vec<(&str, &'static str, yaml::YamlError)> {
        let read = |table: &Table| yaml::parse(table.text).and_then(|root| read_table(&table.path, &root)).err();
        self.tables.values().filter_map(|table| Some((table.path.as_str(), table.text, read(table)?))).collect()
    }
}

fn broken(table: &Table, error: &yaml::YamlError) -> Fact {
    let reason = format!("read {}: {}, {}", table.path, error.message, error.label);
    Fact::unreadable(Source::default_of(table.path.clone()), reason)
}

/// The value of a key that stands at the start of a line.
fn top_level(text: &'static str, key: &str) -> Option<&'static str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": ")).map(str::trim)
}

/// The products of the table and the lines of each: a name, indented by two.
fn split_products(text: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut products: Vec<(&str, &str)> = Vec::new();
    let Some((_, mut rest)) = text.split_once("\nproducts:\n") else { return products };
    let name_of = |line: &'static str| {
        let name = line.strip_prefix("  ")?.strip_suffix(':')?;
        (!name.starts_with([' ', '#'])).then_some(name)
    };
    while let Some(name) = rest.lines().next().and_then(name_of) {
        let mut length = 0;
        for (at, line) in rest.split_inclusive('\n').enumerate() {
            if at > 0 && name_of(line.trim_end()).is_some() {
                break;
            }
            length += line.len();
        }
        let (block, after) = rest.split_at(length);
        products.push((name, block));
        rest = after;
    }
    products
}

fn read_product(table: &Table, product: &str, root: &Node) -> Fact {
    let source = top_level(table.text, "source").unwrap_or_default();
    let date = top_level(table.text, "date").unwrap_or_default();
    let mut fact = convert(root);
    if let Fact::Known { value: Value::Map(products), .. } = &mut fact {
        name_sources(products, &table.path, source, date);
        if let Some(mut cycles) = products.remove(product) {
            if let Fact::Known { source: place, .. } = &mut cycles {
                *place = Some(Source::default_of(format!("{}: {product}, {source} of {date}", table.path)));
            }
            return cycles;
        }
    }
    Fact::group(BTreeMap::new())
}

/// A table as a fact, whose rows say where they come from.
///
/// `path` is its place (`rules/data/lifecycle.yaml`). Rows under `products`
/// get a source of their own, which names product, cycle and day.
fn read_table(path: &str, root: &Node) -> Result<Fact, yaml::YamlError> {
    let missing = |key: &str| yaml::YamlError {
        message: format!("the table has no `{key}`"),
        label: "every table names its `source` and `date`".to_owned(),
        span: 0..0,
    };
    let source = root.get("source").and_then(Node::text).ok_or_else(|| missing("source"))?;
    let date = root.get("date").and_then(Node::text).ok_or_else(|| missing("date"))?;
    let mut fact = convert(root);
    if let Fact::Known { source: place, value: Value::Map(members) } = &mut fact {
        *place = Some(Source::default_of(format!("{path}: {source} of {date}")));
        if let Some(Fact::Known { value: Value::Map(products), .. }) = members.get_mut("products") {
            name_sources(products, path, source, date);
        }
    }
    Ok(fact)
}

fn name_sources(products: &mut BTreeMap<String, Fact>, path: &str, source: &str, date: &str) {
    for (product, cycles) in products {
        let Fact::Known { value: Value::Map(cycles), .. } = cycles else { continue };
        for (cycle, row) in cycles {
            let own = row.member("source").and_then(Fact::text);
            let named = own.map_or_else(|| format!("{source} of {date}"), str::to_owned);
            if let Fact::Known { source, .. } = row {
                *source = Some(Source::default_of(format!("{path}: {product} {cycle}, {named}")));
            }
        }
    }
}

fn convert(node: &Node) -> Fact {
    match &node.value {
        yaml::Value::Scalar { text, style } => match scalar(text, *style) {
            Some(value) => Fact::group(value),
            None => Fact::Absent { source: None },
        },
        yaml::Value::List(elements) => Fact::group(elements.iter().map(convert).collect::<Vec<_>>()),
        yaml::Value::Map(members) => Fact::group(
            members.iter().map(|member| (member.key.to_string(), convert(&member.value))).collect::<BTreeMap<_, _>>(),
        ),
    }
}

/// The value of a scalar by YAML's core schema; dates stay text.
pub(super) fn scalar(text: &str, style: Style) -> Option<Value> {
    if style != Style::Plain {
        return Some(Value::from(text));
    }
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => return None,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => {
            let is_number = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
            if let Ok(number) = text.parse::<i64>() {
                Value::Int(number)
            } else if let Some(number) = text.parse::<f64>().ok().filter(|number| is_number && number.is_finite()) {
                Value::Float(number)
            } else {
                Value::from(text)
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# when support ends
source: endoflife.date
date: 2026-08-22
products:
  debian:
    \"12\": {standard_until: 2026-07-11}
  openeuler:
    # collected by hand
    \"20.03\": {standard_until: 2024-04-30, source: \"openeuler.org\"}
  empty:
    \"1\": {}
";

    fn tables() -> Tables {
        Tables::new(vec![BuiltinTable { name: "lifecycle", text: TEXT, ..BuiltinTable::default() }])
    }

    #[test]
    fn a_product_read_alone_is_that_of_the_whole_table() {
        let tables = tables();
        let whole = tables.table("lifecycle").and_then(|table| table.member("products")).unwrap();
        for product in ["debian", "openeuler", "empty"] {
            let alone = tables.product(product).unwrap();
            assert!(tables.has_product(product));
            assert_eq!(alone.value(), whole.member(product).unwrap().value(), "{product}");
        }
        assert!(tables.product("minix").is_none() && !tables.has_product("minix"));
    }

    #[test]
    fn a_row_names_its_own_source_or_that_of_the_table() {
        let tables = tables();
        let source = |product: &str, cycle: &str| tables.product(product)?.member(cycle)?.source().cloned();
        let expected = "rules/data/lifecycle.yaml: debian 12, endoflife.date of 2026-08-22";
        assert_eq!(source("debian", "12"), Some(Source::default_of(expected)));
        let expected = "rules/data/lifecycle.yaml: openeuler 20.03, openeuler.org";
        assert_eq!(source("openeuler", "20.03"), Some(Source::default_of(expected)));
    }

    #[test]
    fn a_table_of_the_build_is_what_its_text_parses_to() {
        let of_build = builtin();
        let of_texts = builtin::tables().into_iter().map(|table| {
            assert!(!table.tree.is_empty(), "{}", table.name);
            BuiltinTable { tree: &[], products: Vec::new(), ..table }
        });
        let of_texts = Tables::new(of_texts.collect());
        assert!(of_texts.names().len() > 15 && of_texts.products.len() > 20);
        for name in of_texts.names() {
            assert_eq!(of_build.table(name), of_texts.table(name), "{name}");
        }
        assert!(of_build.products.keys().eq(of_texts.products.keys()));
        for product in of_texts.products.keys() {
            assert_eq!(of_build.product(product), of_texts.product(product), "{product}");
        }
    }

    #[test]
    fn a_table_without_source_or_date_is_refused() {
        for text in ["date: 2026-08-22\n", "source: a\n", "source: [\n"] {
            let tables = Tables::new(vec![BuiltinTable { name: "x", text, ..BuiltinTable::default() }]);
            assert!(matches!(tables.table("x"), Some(Fact::Unreadable { .. })), "{text}");
            assert_eq!(tables.faults().len(), 1, "{text}");
        }
        assert_eq!(tables().dates().collect::<Vec<_>>(), [("lifecycle", "2026-08-22")]);
    }
}
