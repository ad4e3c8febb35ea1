//! `-n` and `-l`, which mean one thing to tcpdump's users and another to
//! kubectl's.
//!
//! In: the arguments as typed. Out: the same, with `-n NAMESPACE` and
//! `-l LABELS` spelled out. `-n` before a word that can be a namespace, and is
//! no word of the filter language, is kubectl's; `-l` is before anything that
//! only a selector of labels can be. Where packets are read from a file there
//! are neither.

use std::ffi::OsString;

use clap::{Arg, Args, Command};

use super::CaptureArgs;

/// The primitives and qualifiers of pcap-filter(7), none of which is taken for
/// a namespace.
const FILTER_WORDS: &[&str] = &[
    "aarp",
    "action",
    "ah",
    "and",
    "arp",
    "atalk",
    "broadcast",
    "carp",
    "decnet",
    "dir",
    "dst",
    "esp",
    "ether",
    "fddi",
    "gateway",
    "geneve",
    "greater",
    "host",
    "icmp",
    "icmp6",
    "ifname",
    "igmp",
    "igrp",
    "inbound",
    "ip",
    "ip6",
    "ipx",
    "iso",
    "lat",
    "len",
    "less",
    "link",
    "llc",
    "moprc",
    "mopdl",
    "mpls",
    "multicast",
    "net",
    "netbeui",
    "not",
    "on",
    "or",
    "outbound",
    "pim",
    "port",
    "portrange",
    "pppoed",
    "pppoes",
    "proto",
    "protochain",
    "rarp",
    "sctp",
    "src",
    "stp",
    "tcp",
    "tr",
    "type",
    "udp",
    "vlan",
    "vrrp",
    "vxlan",
    "wlan",
];

/// Whether a word belongs to filters.
pub(super) fn is_filter_word(word: &str) -> bool {
    FILTER_WORDS.contains(&word)
}

/// Spells out the letters of `scanner capture`; other commands have no such.
pub(crate) fn tell_letters_apart(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let command = arguments.iter().skip(1).position(|argument| !argument.to_string_lossy().starts_with('-'));
    let Some(command) = command.map(|at| at + 1) else { return arguments };
    if arguments.get(command).is_some_and(|name| name == "capture") {
        let typed = arguments.split_off(command + 1);
        arguments.extend(spell_out(typed));
    }
    arguments
}

/// What an argument is.
enum Kind {
    Word,
    /// A letter alone that has two meanings.
    Ambiguous(char),
    /// One whose value is the next argument.
    NeedsValue,
    Complete,
    /// `-r`, whatever way its value is given.
    Reads {
        needs_value: bool,
    },
}

fn spell_out(typed: Vec<OsString>) -> Vec<OsString> {
    let command = CaptureArgs::augment_args(Command::default());
    let flags: Vec<&Arg> = command.get_arguments().collect();
    let kinds = kinds(&flags, &typed);
    if kinds.iter().any(|kind| matches!(kind, Kind::Reads { .. })) {
        return typed;
    }
    let mut spelled = Vec::new();
    for (at, (argument, kind)) in typed.iter().zip(&kinds).enumerate() {
        let next = typed.get(at + 1).map(|next| next.to_string_lossy()).unwrap_or_default();
        spelled.push(match kind {
            Kind::Ambiguous('n') if can_be_namespace(&next) => "--namespace".into(),
            Kind::Ambiguous('l') if can_be_selector(&next) => "--selector".into(),
            _ => argument.clone(),
        });
    }
    spelled
}

fn kinds(flags: &[&Arg], typed: &[OsString]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for argument in typed {
        let text = argument.to_string_lossy();
        let is_value =
            kinds.last().is_some_and(|kind| matches!(kind, Kind::NeedsValue | Kind::Reads { needs_value: true }));
        kinds.push(if is_value { Kind::Complete } else { kind(flags, &text) });
    }
    kinds
}

fn kind(flags: &[&Arg], text: &str) -> Kind {
    let takes_value = |flag: &Arg| flag.get_action().takes_values();
    if let Some(long) = text.strip_prefix("--") {
        let name = long.split('=').next().unwrap_or_default();
        let needs_value =
            !long.contains('=') && flags.iter().any(|flag| flag.get_long() == Some(name) && takes_value(flag));
        return match name {
            "read" => Kind::Reads { needs_value },
            _ if needs_value => Kind::NeedsValue,
            _ => Kind::Complete,
        };
    }
    match text.strip_prefix('-') {
        None | Some("") => Kind::Word,
        Some("n") => Kind::Ambiguous('n'),
        Some("l") => Kind::Ambiguous('l'),
        Some(letters) => {
            let mut left = letters.chars();
            while let Some(letter) = left.next() {
                if flags.iter().any(|flag| flag.get_short() == Some(letter) && takes_value(flag)) {
                    let needs_value = left.as_str().is_empty();
                    return match letter {
                        'r' => Kind::Reads { needs_value },
                        _ if needs_value => Kind::NeedsValue,
                        _ => Kind::Complete,
                    };
                }
            }
            Kind::Complete
        }
    }
}

/// An RFC 1123 label, as namespaces are named, and no word of a filter.
fn can_be_namespace(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !is_filter_word(text)
}

/// `app=web`, `app in (a,b)`, `!canary`: what no target and no filter begins with.
fn can_be_selector(text: &str) -> bool {
    let key = text.split(['=', '!', ' ']).next().unwrap_or_default();
    let is_key = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    (text.contains('=') || text.contains(" in (") || text.contains(" notin (") || text.starts_with('!'))
        && key.bytes().all(is_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(line: &str) -> String {
        let typed = line.split(' ').map(OsString::from);
        let spelled = tell_letters_apart(typed);
        spelled.iter().map(|argument| argument.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn n_before_a_name_is_the_namespace() {
        assert_eq!(spelled("scanner capture pod/web -n shop"), "scanner capture pod/web --namespace shop");
        assert_eq!(spelled("scanner capture -c 3 -n shop pod/web"), "scanner capture -c 3 --namespace shop pod/web");
    }

    #[test]
    fn n_before_anything_else_is_tcpdumps() {
        for line in [
            "scanner capture pod/web -n tcp port 80",
            "scanner capture -n pod/web",
            "scanner capture -n -v pod/web",
            "scanner capture pod/web -nn shop",
            "scanner capture -n -r x.pcap",
            "scanner capture -nr x.pcap -n shop",
            "scanner capture --read x.pcap -n shop",
            "scanner capture pod/web -n",
            "scanner audit -n shop",
        ] {
            assert_eq!(spelled(line), line);
        }
    }

    #[test]
    fn l_before_labels_selects() {
        assert_eq!(spelled("scanner capture -l app=web,tier!=db"), "scanner capture --selector app=web,tier!=db");
        assert_eq!(spelled("scanner capture -l pod/web"), "scanner capture -l pod/web");
        assert_eq!(spelled("scanner capture -l tcp[13]=2"), "scanner capture -l tcp[13]=2");
    }

    #[test]
    fn every_letter_stands_for_one_thing() {
        CaptureArgs::augment_args(Command::default()).debug_assert();
    }
}
