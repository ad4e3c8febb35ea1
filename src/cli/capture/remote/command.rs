//! The command line of the program on a node, from that of the program here.

use super::super::CaptureArgs;
use super::super::live_option::LiveArgs;

/// The pod that the program is run in.
pub(super) struct Pod<'a> {
    /// Where the node's root is in it.
    pub(super) root: &'a str,
    /// Its name where it is held for the capture.
    pub(super) holder: &'a str,
}

/// The program on a node: it writes pcapng to stdout. `words` are its targets.
pub(super) fn command(
    args: &CaptureArgs,
    words: &[String],
    filter: &str,
    seconds: u64,
    pod: &Pod<'_>,
    copies: bool,
) -> Vec<String> {
    let mut command: Vec<String> = vec![args.remote.program.clone(), "capture".to_owned()];
    let attended = format!("--attended={}", pod.holder);
    command.extend(["--root", pod.root, &attended, "-w", "-"].map(str::to_owned));
    // What is read here is judged here.
    if !copies || args.record.looks_for_nothing() {
        command.push("--no-findings".to_owned());
    }
    if let Some(packets) = args.packets {
        command.extend(["-c".to_owned(), packets.to_string()]);
    }
    command.extend(live(&args.live, seconds));
    command.extend(words.iter().cloned());
    if !filter.is_empty() {
        command.push(filter.to_owned());
    }
    command
}

fn live(live: &LiveArgs, seconds: u64) -> Vec<String> {
    let mut arguments = vec!["--duration".to_owned(), format!("{seconds}s")];
    for interface in &live.interfaces {
        arguments.extend(["-i".to_owned(), interface.clone()]);
    }
    if let Some(socket) = &live.runtime_endpoint {
        arguments.extend(["--runtime-endpoint".to_owned(), socket.display().to_string()]);
    }
    if live.path {
        arguments.push("--path".to_owned());
    }
    arguments.extend(live.ring_arguments());
    arguments
}

/// The filter, without the packets that the capture itself makes where it sees
/// those of the node: each packet would be followed by one that brings it here.
/// Whoever names the port means it.
pub(super) fn without_own(filter: &str, own_ports: &[u16]) -> Option<String> {
    let is_named = |port: &u16| {
        let port = port.to_string();
        filter.split(|character: char| !character.is_ascii_digit()).any(|number| number == port)
    };
    let ports: Vec<String> =
        own_ports.iter().filter(|port| !is_named(port)).map(|port| format!("tcp port {port}")).collect();
    if ports.is_empty() {
        return None;
    }
    let own = format!("not ({})", ports.join(" or "));
    Some(if filter.is_empty() { own } else { format!("{own} and ({filter})") })
}

/// A command as a shell takes it.
pub(super) fn shell(command: &[String]) -> String {
    let quoted = command.iter().map(|argument| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,%+@".contains(&byte);
        if !argument.is_empty() && argument.bytes().all(is_plain) {
            argument.clone()
        } else {
            format!("'{}'", argument.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_stream_is_left_out_unless_it_is_meant() {
        assert_eq!(without_own("", &[10_250]).as_deref(), Some("not (tcp port 10250)"));
        assert_eq!(
            without_own("host 10.0.0.1 or vlan", &[10_250, 6443]).as_deref(),
            Some("not (tcp port 10250 or tcp port 6443) and (host 10.0.0.1 or vlan)")
        );
        assert_eq!(without_own("tcp port 10250", &[10_250]), None);
        assert!(without_own("tcp port 102501", &[10_250]).is_some());
    }

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        let command = ["scanner", "-i", "eth0", "tcp[13] = 2", "it's"].map(str::to_owned);
        assert_eq!(shell(&command), r"scanner -i eth0 'tcp[13] = 2' 'it'\''s'");
    }
}
