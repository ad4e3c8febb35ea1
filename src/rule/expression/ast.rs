//! The tree of an expression, as the checker and the evaluator walk it.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex::Regex;

use super::function::Function;

/// A text of an expression: one that was parsed when the program was built lies
/// in the program, and is not copied.
pub(crate) type Text = Cow<'static, str>;

/// A part of an expression.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its number in the parser's table of places.
    pub(crate) id: u64,
    pub(crate) kind: NodeKind,
}

/// What a part of an expression is.
#[derive(Debug)]
pub(crate) enum NodeKind {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Text),
    /// A local name, `now`, `data`, or the first segment of a fact's path.
    Name(Text),
    Member(Box<Member>),
    /// `has(of.name)`.
    Has(Box<Member>),
    Index(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    If(Box<[Node; 3]>),
    Binary(Operator, Box<Node>, Box<Node>),
    In(Box<Node>, Box<Node>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Macro(Box<Macro>),
    /// `default(fact, value)`.
    Default(Box<Node>, Box<Node>),
    Call(Box<Call>),
}

/// `of.name`.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) of: Node,
    pub(crate) name: Text,
    /// Whether the catalogue declares a fact at this path: then collectors set
    /// it each time, and one that is not there was not collected.
    pub(crate) is_declared: bool,
}

/// An operator that needs both of its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    /// As it is written.
    pub(crate) const fn sign(self) -> &'static str {
        match self {
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Remainder => "%",
        }
    }
}

/// A macro over the elements of a list or the keys of a map.
#[derive(Debug)]
pub(crate) struct Macro {
    pub(crate) what: Quantifier,
    pub(crate) range: Node,
    pub(crate) name: Text,
    /// `map(x, condition, body)` has both; `filter`, `all`, `exists` and
    /// `exists_one` a condition alone, `map(x, body)` a body alone.
    pub(crate) condition: Option<Node>,
    pub(crate) body: Option<Node>,
}

/// Which macro it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantifier {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
}

/// A call of a function; the receiver is the first argument.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: Text,
    pub(crate) has_receiver: bool,
    pub(crate) arguments: Vec<Node>,
    /// The functions of that name that it may be; the checker leaves those that fit.
    pub(crate) candidates: Vec<&'static Function>,
    /// A constant pattern, compiled when it is first used.
    pub(crate) pattern: OnceLock<Regex>,
}
