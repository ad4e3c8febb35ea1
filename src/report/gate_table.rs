//! The part of the form for people that says what the gate decided.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::escape;
use super::gate::{Decision, Gate, Reason};
use crate::finding::Verdict;

/// Reasons that are shown before the rest is folded; the findings above show all.
const SHOWN: usize = 24;

/// Writes the verdict, the hops where there are several, and the reasons.
pub(super) fn write(
    gate: &Gate,
    color: bool,
    subject: &dyn Fn(&Reason) -> String,
    out: &mut dyn Write,
) -> io::Result<()> {
    let style = |decision: Decision| {
        let style = match decision {
            Decision::Ready => AnsiColor::Green.on_default().bold(),
            Decision::Blocked => AnsiColor::Red.on_default().bold(),
            Decision::Inconclusive => AnsiColor::Yellow.on_default().bold(),
        };
        if color { style } else { Style::new() }
    };
    let own = style(gate.verdict);
    let from = gate.from.as_deref().map(|from| format!("from {} ", escape::line(from))).unwrap_or_default();
    writeln!(out, "{own}{}{own:#}  upgrade {from}to {}\n", gate.verdict.name(), escape::line(&gate.target))?;
    if gate.hops.len() > 1 {
        for hop in &gate.hops {
            let own = style(hop.verdict);
            let rules = if hop.blocked_by.is_empty() { &hop.unknown } else { &hop.blocked_by };
            let line = format!(
                "  {:<8}{own}{:<13}{own:#} {}",
                escape::line(&hop.target),
                hop.verdict.name(),
                rules.join(", ")
            );
            writeln!(out, "{}", line.trim_end())?;
        }
        if let Some(first) = &gate.first_blocked {
            writeln!(out, "  the first hop that is blocked: {}", escape::line(first))?;
        }
        writeln!(out)?;
    }
    let mut last = "";
    for (number, reason) in gate.reasons.iter().take(SHOWN).enumerate() {
        let step = if reason.step == last { "" } else { &reason.step };
        last = &reason.step;
        let unknown = if reason.verdict == Verdict::Unknown { "unknown: " } else { "" };
        let rule = escape::line(&reason.rule);
        writeln!(out, "  {:>2}. {step:<14}{unknown}{rule}  {}", number + 1, subject(reason))?;
    }
    let folded = gate.reasons.len().saturating_sub(SHOWN);
    if folded > 0 {
        writeln!(out, "  … and {folded} more")?;
    }
    if gate.reasons.is_empty() { Ok(()) } else { writeln!(out) }
}
