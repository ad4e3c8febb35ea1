//! Applies one form of a rule to facts: a verdict, and its proof.

use super::evidence::{Evidence, gather};
use super::expression::{Cause, Evaluator, Expression, Plain, Slot, Stop, Unknown, World, json, text as show_text};
use super::form::{Case, Each, Form};
use super::template::Template;
use super::verdict::{Severity, Verdict};

/// What a rule says of one subject.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) fix: Option<String>,
    /// With `each`: what identifies the element.
    pub(crate) key: Option<String>,
    /// The subject's members, where the rule names one.
    pub(crate) subject: Option<serde_json::Value>,
}

impl Judgement {
    /// A judgement that could not be made.
    pub(crate) fn unknown(severity: Severity, message: &str) -> Self {
        Judgement {
            verdict: Verdict::Unknown,
            severity,
            message: message.to_owned(),
            evidence: Vec::new(),
            fix: None,
            key: None,
            subject: None,
        }
    }
}

/// Judges; one judgement for each element, or one. Each is given away before
/// the next is made: a cluster has many elements.
pub(super) fn judge(form: &Form, world: World<'_>, give: &mut dyn FnMut(Judgement)) {
    let mut court = Court { form, evaluator: Evaluator::new(world) };
    if let Some(when) = &form.when {
        match truth(court.evaluator.evaluate(&when.root)) {
            Ok(true) => {}
            Ok(false) => {
                let reason = court.why_not(when);
                return give(court.not_applicable(reason));
            }
            Err(unknown) => return give(court.unknown(&unknown)),
        }
    }
    match &form.each {
        None => give(court.expect()),
        Some(each) => court.each(each, give),
    }
}

struct Court<'f> {
    form: &'f Form,
    evaluator: Evaluator<'f>,
}

impl<'f> Court<'f> {
    fn each(&mut self, each: &'f Each, give: &mut dyn FnMut(Judgement)) {
        let list = match self.evaluator.evaluate(&each.list.root) {
            Ok(list) => list,
            Err(stop) => return give(self.unknown(&stop.into_unknown())),
        };
        let (what, doubt) = (list.describe(), list.doubt().cloned());
        let Some(elements) = list.walk() else {
            return give(self.unknown(&Unknown::fault(format!("`each` gave {what}"))));
        };
        let mut is_empty = true;
        for element in elements {
            is_empty = false;
            if let Err(stop) = element {
                give(self.unknown(&stop.into_unknown()));
                continue;
            }
            self.evaluator.bind(&each.name, element.clone());
            let key = self.key(each, &element);
            let mut judgement = self.expect();
            judgement.key = key;
            self.evaluator.unbind();
            give(judgement);
        }
        if let Some(doubt) = doubt {
            give(self.unknown(&doubt));
        } else if is_empty {
            give(self.not_applicable(format!("`{}` is empty", one_line(&each.list.source))));
        }
    }

    fn key(&mut self, each: &'f Each, element: &Slot<'f>) -> Option<String> {
        let value = if let Some(key) = &each.key {
            self.evaluator.evaluate(&key.root).ok()?
        } else {
            let element = element.as_ref().ok()?;
            element.member("name").and_then(Result::ok).unwrap_or_else(|| element.clone())
        };
        Some(show_text(&value).unwrap_or_else(|| json(&value).to_string()))
    }

    fn expect(&mut self) -> Judgement {
        match truth(self.evaluator.evaluate(&self.form.expect.root)) {
            Ok(true) => self.judgement(Verdict::Pass, String::new(), None),
            Ok(false) => {
                let message = self.text(&self.form.message).unwrap_or_default();
                let fix = self.text(&self.form.fix);
                self.judgement(Verdict::Fail, message, fix)
            }
            Err(unknown) => self.unknown(&unknown),
        }
    }

    /// The part of a condition that is false, in the rule's own words.
    fn why_not(&mut self, when: &'f Expression) -> String {
        let mut is_false = |node| matches!(truth(self.evaluator.evaluate(node)), Ok(false));
        let culprit = when.conjuncts().into_iter().find(|(_, node)| is_false(node));
        format!("`{}` is false", one_line(culprit.map_or(&when.source, |(source, _)| source)))
    }

    fn not_applicable(&mut self, reason: String) -> Judgement {
        Judgement {
            verdict: Verdict::NotApplicable,
            severity: self.severity(),
            message: reason,
            evidence: Vec::new(),
            fix: None,
            key: None,
            subject: None,
        }
    }

    fn unknown(&mut self, unknown: &Unknown<'f>) -> Judgement {
        let is_denied = unknown.reasons.iter().any(|reason| reason.text.contains("ermission denied"));
        let fix = is_denied.then(|| "Run scanner as root, so that it can read what is named here.".to_owned());
        let mut judgement = self.judgement(Verdict::Unknown, unknown.to_string(), fix);
        for reason in unknown.reasons.iter() {
            let Some(origin) = &reason.origin else { continue };
            let fact = origin.path.to_string();
            if judgement.evidence.iter().any(|piece| piece.fact == fact) {
                continue;
            }
            judgement.evidence.push(Evidence {
                fact,
                value: serde_json::Value::Null,
                source: origin.source.cloned(),
                unreadable: (reason.cause == Cause::Unreadable).then(|| reason.text.to_string()),
            });
        }
        judgement
    }

    fn judgement(&mut self, verdict: Verdict, message: String, fix: Option<String>) -> Judgement {
        let subject = self
            .form
            .subject
            .as_ref()
            .and_then(|subject| self.evaluator.evaluate(&subject.root).ok().map(|value| json(&value)));
        Judgement { verdict, severity: self.severity(), message, evidence: self.evidence(), fix, key: None, subject }
    }

    /// The first case that holds. Where that cannot be told, the worst of
    /// those that may: a fault is not made smaller by an unreadable fact.
    fn severity(&mut self) -> Severity {
        let mut worst = None;
        for case in &self.form.severity {
            match self.holds(case) {
                Ok(true) => return worst.max(Some(case.value)).unwrap_or(case.value),
                Ok(false) => {}
                Err(()) => worst = worst.max(Some(case.value)),
            }
        }
        worst.unwrap_or(Severity::Medium)
    }

    fn text(&mut self, cases: &'f [Case<Template>]) -> Option<String> {
        let case = cases.iter().find(|case| self.holds(case) == Ok(true))?;
        Some(case.value.render(&mut self.evaluator))
    }

    fn holds<T>(&mut self, case: &'f Case<T>) -> Result<bool, ()> {
        match &case.when {
            None => Ok(true),
            Some(when) => truth(self.evaluator.evaluate(&when.root)).map_err(|_| ()),
        }
    }

    fn evidence(&mut self) -> Vec<Evidence> {
        let expressions = &self.form.evidence;
        gather(expressions.iter().map(|expression| (expression, self.evaluator.evaluate(&expression.root))))
    }
}

fn truth(slot: Slot<'_>) -> Result<bool, Unknown<'_>> {
    let value = slot.map_err(Stop::into_unknown)?;
    match value.plain {
        Plain::Bool(truth) => Ok(truth),
        _ => Err(Unknown::fault(format!("expected true or false, found {}", value.describe()))),
    }
}

pub(super) fn one_line(source: &str) -> String {
    source.split_whitespace().collect::<Vec<_>>().join(" ")
}
