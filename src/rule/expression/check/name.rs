//! Names: facts, members, tables and what is bound.

use super::Checker;
use crate::rule::diagnostic::did_you_mean;
use crate::rule::expression::ast::{Member, Node, NodeKind};
use crate::rule::expression::function;
use crate::rule::expression::kind::{Branch, CATALOGUE, Kind};

impl Checker<'_> {
    pub(super) fn name(&mut self, id: u64, name: &str) -> Kind {
        if let Some((_, kind)) = self.locals.iter().rev().find(|(local, _)| local == name) {
            return kind.clone();
        }
        match name {
            "now" => return Kind::Instant,
            "data" => {
                let span = self.places.of(id);
                let label = "name a table: data.TABLE".to_owned();
                self.fault(span, "`data` is not a value".to_owned(), label, None);
                return Kind::Any;
            }
            _ => {}
        }
        if let Some(branch) = CATALOGUE.members.get(name) {
            return self.branch(branch);
        }
        let locals = self.locals.iter().map(|(local, _)| &**local);
        let valid = CATALOGUE.members.keys().copied().chain(locals).chain(["now", "data"]);
        let help = did_you_mean(name, valid);
        let span = self.places.of(id);
        self.fault(span, format!("there is no fact `{name}`"), "not a fact, nor a name bound here".to_owned(), help);
        Kind::Any
    }

    /// The kind of a fact or group; a fact is noted as read.
    fn branch(&mut self, branch: &'static Branch) -> Kind {
        let kind = branch.kind();
        if let (Some(fact), false) = (branch.fact, matches!(kind, Kind::Group(_))) {
            self.reads(fact.path);
        }
        kind
    }

    pub(super) fn member(&mut self, id: u64, member: &mut Member) -> Kind {
        if let NodeKind::Name(name) = &member.of.kind
            && name == "data"
        {
            return self.table(id, &member.name);
        }
        let of = self.kind(&mut member.of);
        let name = &*member.name;
        let (valid, of_what): (Vec<&str>, String) = match &of {
            Kind::Any => return Kind::Any,
            Kind::Map(value) => return (**value).clone(),
            Kind::Group(branch) => {
                if let Some(inner) = branch.members.get(name) {
                    member.is_declared = true;
                    return self.branch(inner);
                }
                (branch.members.keys().copied().collect(), format!("fact `{}.{name}`", branch.path))
            }
            Kind::Object(fields) => {
                if let Some(field) = fields.iter().find(|field| field.name == name) {
                    return Kind::of(field.kind);
                }
                (fields.iter().map(|field| field.name).collect(), format!("member `{name}`"))
            }
            other => {
                let span = self.places.of_member(id, name);
                let message = format!("{other} has no members");
                let help = function::names(true)
                    .any(|function| function == name)
                    .then(|| format!("a function is called with brackets: `{name}()`"));
                self.fault(span, message, format!("`{name}` of {other}"), help);
                return Kind::Any;
            }
        };
        let help = did_you_mean(name, valid.iter().copied()).or_else(|| {
            let mut shown = valid.iter().take(12).copied().collect::<Vec<_>>().join(", ");
            if valid.len() > 12 {
                shown.push_str(", …");
            }
            Some(format!("there are: {shown}"))
        });
        let span = self.places.of_member(id, name);
        self.fault(span, format!("there is no {of_what}"), "no such name".to_owned(), help);
        Kind::Any
    }

    fn table(&mut self, id: u64, name: &str) -> Kind {
        if !self.names.tables.contains(&name) {
            let help = did_you_mean(name, self.names.tables.iter().copied());
            let span = self.places.of_member(id, name);
            self.fault(span, format!("there is no table `{name}`"), format!("no `rules/data/{name}.yaml`"), help);
        }
        Kind::Any
    }

    pub(super) fn index(&mut self, of: &mut Node, index: &mut Node) -> Kind {
        let kind = self.value(of);
        match kind {
            Kind::List(element) => {
                self.expect(index, |kind| matches!(kind, Kind::Int), "a whole number");
                *element
            }
            Kind::Map(value) => {
                self.expect(index, |kind| matches!(kind, Kind::Text), "text");
                *value
            }
            Kind::Object(_) | Kind::Group(_) => {
                self.expect(index, |kind| matches!(kind, Kind::Text), "text");
                Kind::Any
            }
            Kind::Any => {
                self.value(index);
                Kind::Any
            }
            other => {
                let span = self.place(of);
                self.fault(span, format!("{other} has no elements"), "expected a list or a map".to_owned(), None);
                Kind::Any
            }
        }
    }
}
