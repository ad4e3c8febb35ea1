//! The tables of `rules/data`: dates, versions and names that change without
//! the rules. Each names its source and its date.

use std::collections::BTreeMap;

use super::yaml::{self, Node, Style};
use crate::fact::{Fact, Source, Value};

/// A table as a fact, whose rows say where they come from.
///
/// `path` is its place (`rules/data/lifecycle.yaml`). Rows under `products`
/// get a source of their own, which names product, cycle and day.
pub(super) fn parse_table(path: &str, text: &str) -> Result<Fact, yaml::YamlError> {
    let root = yaml::parse(text)?;
    let missing = |key: &str| yaml::YamlError {
        message: format!("the table has no `{key}`"),
        label: "every table names its `source` and `date`".to_owned(),
        span: 0..0,
    };
    let source = root.get("source").and_then(Node::text).ok_or_else(|| missing("source"))?;
    let date = root.get("date").and_then(Node::text).ok_or_else(|| missing("date"))?;
    let mut fact = convert(&root);
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
            members.iter().map(|member| (member.key.clone(), convert(&member.value))).collect::<BTreeMap<_, _>>(),
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
