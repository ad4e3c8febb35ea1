//! Text to tree, by the parser of the crate `cel`.
//!
//! The crate gives trees whose macros are already loops; they are recognised
//! here and made macros again, so that the evaluator can say what an unknown
//! element means for each. Hostile text cannot overflow the stack: length,
//! number of tokens and nesting are bounded before the parser sees it.

use std::ops::Range;

use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::parser::PrattParser;

use super::Fault;
use super::ast::{Call, Macro, Member, Node, NodeKind, Operator, Quantifier};
use super::function;
use super::places::Places;

/// The longest source, in bytes.
pub(crate) const SOURCE_LIMIT: usize = 4096;

/// The most tokens of one expression.
const TOKEN_LIMIT: usize = 800;

/// The deepest nesting, of brackets and of the tree.
const DEPTH_LIMIT: usize = 48;

/// The nesting that the parser itself bears; the text is bounded before.
pub(super) const NESTING: u16 = 64;

/// Reads an expression.
pub(crate) fn parse(source: &str) -> Result<Node, Vec<Fault>> {
    check_bounds(source).map_err(|fault| vec![fault])?;
    let tree = PrattParser::default()
        .max_recursion_depth(NESTING)
        .parse(source)
        .map_err(|errors| errors.errors.iter().map(|error| syntax_fault(source, error)).collect::<Vec<_>>())?;
    let mut lowering = Lowering { faults: Vec::new(), places: Places::new(source) };
    let root = lowering.node(tree, 0);
    if lowering.faults.is_empty() { Ok(root) } else { Err(lowering.faults) }
}

fn check_bounds(source: &str) -> Result<(), Fault> {
    if source.len() > SOURCE_LIMIT {
        return Err(Fault::new(
            0..0,
            format!("the expression has {} bytes", source.len()),
            format!("an expression may have {SOURCE_LIMIT}"),
        ));
    }
    if source.trim().is_empty() {
        return Err(Fault::new(0..source.len(), "the expression is empty", "expected CEL"));
    }
    let mut depth = 0_usize;
    let mut deepest = 0;
    let mut questions = 0;
    let mut tokens = 0;
    let mut is_inside = false;
    for byte in source.bytes() {
        let continues = byte.is_ascii_alphanumeric() || byte == b'_';
        if !byte.is_ascii_whitespace() && (!continues || !is_inside) {
            tokens += 1;
        }
        is_inside = continues;
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'?' => questions += 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    if deepest > DEPTH_LIMIT || questions > DEPTH_LIMIT {
        return Err(nested_too_deeply(0..source.len()));
    }
    if tokens > TOKEN_LIMIT {
        return Err(Fault::new(
            0..source.len(),
            "the expression is too long",
            format!("it may have {TOKEN_LIMIT} names, numbers and signs"),
        ));
    }
    Ok(())
}

fn nested_too_deeply(span: Range<usize>) -> Fault {
    Fault::new(span, "the expression is nested too deeply", format!("at most {DEPTH_LIMIT} deep"))
}

/// A syntax error of the parser in our words.
fn syntax_fault(source: &str, error: &cel::ParseError) -> Fault {
    let line = usize::try_from(error.pos.0).unwrap_or(1).max(1);
    let column = usize::try_from(error.pos.1).unwrap_or(1).max(1);
    let line_start: usize = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let start = (line_start + column - 1).min(source.len());
    let message = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg);
    let message = message.replace("<EOF>", "the end");
    let is_single = |sign: &str| source.get(start..).is_some_and(|rest| rest.starts_with(sign));
    let fault = Fault::new(start..start + usize::from(start < source.len()), "this is not CEL", message);
    if is_single("=") {
        fault.with_help("equality is written `==`")
    } else if is_single("and ") || is_single("or ") || is_single("not ") {
        fault.with_help("the operators are `&&`, `||` and `!`")
    } else if start >= source.trim_end().len() && source.contains('(') {
        fault.with_help("in a list written `[a, b]`, CEL with a comma needs quotes: [\"f(x, y)\"]")
    } else {
        fault
    }
}

struct Lowering<'s> {
    faults: Vec<Fault>,
    places: Places<'s>,
}

impl Lowering<'_> {
    fn refuse(&mut self, id: u64, message: &str, label: &str) -> NodeKind {
        let span = self.places.of(id);
        self.faults.push(Fault::new(span, message, label));
        NodeKind::Bool(false)
    }

    fn boxed(&mut self, tree: IdedExpr, depth: usize) -> Box<Node> {
        Box::new(self.node(tree, depth))
    }

    fn node(&mut self, tree: IdedExpr, depth: usize) -> Node {
        let id = tree.id;
        if depth > DEPTH_LIMIT {
            if self.faults.is_empty() {
                let span = self.places.of(id);
                self.faults.push(nested_too_deeply(span));
            }
            return Node { id, kind: NodeKind::Bool(false) };
        }
        let depth = depth + 1;
        let kind = match tree.expr {
            Expr::Ident(name) => NodeKind::Name(name.into()),
            Expr::Literal(literal) => self.literal(id, literal),
            Expr::Select(select) => {
                let member =
                    Member { of: self.node(*select.operand, depth), name: select.field.into(), is_declared: false };
                if select.test { NodeKind::Has(Box::new(member)) } else { NodeKind::Member(Box::new(member)) }
            }
            Expr::List(list) => {
                NodeKind::List(list.elements.into_iter().map(|element| self.node(element, depth)).collect())
            }
            Expr::Map(map) => {
                let mut members = Vec::new();
                for entry in map.entries {
                    if let EntryExpr::MapEntry(entry) = entry.expr {
                        members.push((self.node(entry.key, depth), self.node(entry.value, depth)));
                    }
                }
                NodeKind::Map(members)
            }
            Expr::Comprehension(comprehension) => self.quantifier(id, *comprehension, depth),
            Expr::Call(call) => self.call(id, call, depth),
            Expr::Struct(_) => self.refuse(id, "a message literal", "rules have no message types"),
            Expr::Unspecified => self.refuse(id, "this is not CEL", "expected an expression"),
        };
        Node { id, kind }
    }

    fn literal(&mut self, id: u64, literal: LiteralValue) -> NodeKind {
        match literal {
            LiteralValue::Boolean(truth) => NodeKind::Bool(*truth.inner()),
            LiteralValue::Int(number) => NodeKind::Int(*number.inner()),
            LiteralValue::Double(number) => NodeKind::Float(*number.inner()),
            LiteralValue::String(text) => NodeKind::Text(text.inner().to_owned().into()),
            LiteralValue::UInt(number) => match i64::try_from(*number.inner()) {
                Ok(number) => NodeKind::Int(number),
                Err(_) => self.refuse(id, "the number is too large", "numbers have 64 bits and a sign"),
            },
            LiteralValue::Null => self.refuse(id, "`null` means nothing here", "ask with `has(…)`"),
            LiteralValue::Bytes(_) => self.refuse(id, "a literal of bytes", "expected text"),
        }
    }

    fn call(&mut self, id: u64, call: cel::common::ast::CallExpr, depth: usize) -> NodeKind {
        let mut operands = call.args.into_iter();
        let mut take = |lowering: &mut Self| -> Box<Node> {
            match operands.next() {
                Some(operand) => lowering.boxed(operand, depth),
                None => Box::new(Node { id, kind: NodeKind::Bool(false) }),
            }
        };
        if call.target.is_none() {
            if let Some(operator) = binary_operator(&call.func_name) {
                return NodeKind::Binary(operator, take(self), take(self));
            }
            match call.func_name.as_str() {
                operators::LOGICAL_AND => return NodeKind::And(take(self), take(self)),
                operators::LOGICAL_OR => return NodeKind::Or(take(self), take(self)),
                operators::LOGICAL_NOT => return NodeKind::Not(take(self)),
                operators::NEGATE => return NodeKind::Negate(take(self)),
                operators::INDEX => return index(*take(self), *take(self)),
                operators::IN => return NodeKind::In(take(self), take(self)),
                operators::CONDITIONAL => {
                    return NodeKind::If(Box::new([*take(self), *take(self), *take(self)]));
                }
                _ => {}
            }
        }
        let has_receiver = call.target.is_some();
        let mut arguments: Vec<Node> = call.target.into_iter().map(|target| self.node(*target, depth)).collect();
        arguments.extend(operands.map(|operand| self.node(operand, depth)));
        if call.func_name == "default" && !has_receiver && arguments.len() == 2 {
            let value = arguments.pop();
            if let (Some(fact), Some(value)) = (arguments.pop(), value) {
                return NodeKind::Default(Box::new(fact), Box::new(value));
            }
        }
        let candidates = function::named(&call.func_name, has_receiver);
        NodeKind::Call(Box::new(Call {
            name: call.func_name.into(),
            has_receiver,
            arguments,
            candidates,
            pattern: std::sync::OnceLock::new(),
        }))
    }

    /// The loop that a macro became, as a macro again.
    fn quantifier(&mut self, id: u64, loop_: ComprehensionExpr, depth: usize) -> NodeKind {
        let name = loop_.iter_var.into();
        let range = self.node(loop_.iter_range, depth);
        let Some((what, condition, body)) = macro_of(loop_.accu_init.expr, loop_.loop_step.expr) else {
            return self.refuse(id, "an unknown macro", "expected all, exists, exists_one, map or filter");
        };
        let condition = condition.map(|condition| self.node(condition, depth));
        let body = body.map(|body| self.node(body, depth));
        NodeKind::Macro(Box::new(Macro { what, range, name, condition, body }))
    }
}

type MacroParts = (Quantifier, Option<IdedExpr>, Option<IdedExpr>);

/// Which macro a loop was made of, by its start and its step (the forms that
/// the CEL specification gives under "Macros").
fn macro_of(start: Expr, step: Expr) -> Option<MacroParts> {
    let Expr::Call(step) = step else { return None };
    let mut operands = step.args.into_iter();
    let first = operands.next()?;
    let second = operands.next()?;
    match (start, step.func_name.as_str()) {
        (Expr::Literal(LiteralValue::Boolean(_)), operators::LOGICAL_AND) => {
            Some((Quantifier::All, Some(second), None))
        }
        (Expr::Literal(LiteralValue::Boolean(_)), operators::LOGICAL_OR) => {
            Some((Quantifier::Exists, Some(second), None))
        }
        (Expr::Literal(LiteralValue::Int(_)), operators::CONDITIONAL) => {
            Some((Quantifier::ExistsOne, Some(first), None))
        }
        (Expr::List(_), operators::ADD) => Some((Quantifier::Map, None, Some(only_element(second)?))),
        (Expr::List(_), operators::CONDITIONAL) => {
            let Expr::Call(add) = second.expr else { return None };
            let element = only_element(add.args.into_iter().nth(1)?)?;
            // `filter(x, p)` puts `x` itself into the list, `map(x, p, f)` its `f`.
            // Both keep what `p` chooses, so they are one macro with a body.
            Some((Quantifier::Filter, Some(first), Some(element)))
        }
        _ => None,
    }
}

/// `data["a-b"]` is `data.a-b`, which CEL cannot spell.
fn index(of: Node, index: Node) -> NodeKind {
    match (&of.kind, index.kind) {
        (NodeKind::Name(name), NodeKind::Text(table)) if name == "data" => {
            NodeKind::Member(Box::new(Member { of, name: table, is_declared: false }))
        }
        (_, kind) => NodeKind::Index(Box::new(of), Box::new(Node { id: index.id, kind })),
    }
}

fn only_element(list: IdedExpr) -> Option<IdedExpr> {
    match list.expr {
        Expr::List(list) => list.elements.into_iter().next(),
        _ => None,
    }
}

fn binary_operator(name: &str) -> Option<Operator> {
    Some(match name {
        operators::EQUALS => Operator::Equal,
        operators::NOT_EQUALS => Operator::NotEqual,
        operators::LESS => Operator::Less,
        operators::LESS_EQUALS => Operator::LessOrEqual,
        operators::GREATER => Operator::Greater,
        operators::GREATER_EQUALS => Operator::GreaterOrEqual,
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Remainder,
        _ => return None,
    })
}
