//! Flags of tcpdump(1) that mean nothing here, or that something else is done
//! by: the first are accepted in silence, the others refused by a sentence.

use clap::{ArgAction, Args};

use crate::cli::failure::Failure;

/// Flags that help does not show.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of tcpdump's command line")]
pub(super) struct TcpdumpArgs {
    #[arg(short = 'D', long, hide = true)]
    list_interfaces: bool,
    #[arg(short = 'L', long, hide = true)]
    list_data_link_types: bool,
    #[arg(short = 'J', long, hide = true)]
    list_time_stamp_types: bool,
    #[arg(short = 'I', long, hide = true)]
    monitor_mode: bool,
    #[arg(short = 'b', hide = true)]
    dotted_systems: bool,
    #[arg(short = 'd', action = ArgAction::Count, hide = true)]
    show_program: u8,
    #[arg(short = 'y', long = "linktype", value_name = "TYPE", hide = true)]
    link_type: Option<String>,
    #[arg(short = 'j', long, value_name = "TYPE", hide = true)]
    time_stamp_type: Option<String>,
    #[arg(short = 'Z', long = "relinquish-privileges", value_name = "USER", hide = true)]
    user: Option<String>,
    #[arg(short = 'z', value_name = "COMMAND", hide = true)]
    after_rotation: Option<String>,
    #[arg(short = 'E', value_name = "SECRET", hide = true)]
    esp_secret: Option<String>,
    #[arg(short = 'M', value_name = "SECRET", hide = true)]
    tcp_secret: Option<String>,
    #[arg(short = 'm', value_name = "MODULE", hide = true)]
    snmp_module: Option<String>,
    #[arg(short = 'T', value_name = "TYPE", hide = true)]
    packet_type: Option<String>,
    #[arg(short = 'V', value_name = "FILE", hide = true)]
    file_list: Option<String>,
    // Names are never resolved, filters always compiled as they are, handles never decoded.
    #[arg(short = 'N', short_aliases = ['f', 'O', 'H', 'u'], long = "no-optimize", action = ArgAction::Count, hide = true)]
    without_meaning: u8,
    #[arg(long, hide = true)]
    micro: bool,
}

impl TcpdumpArgs {
    /// Refuses what is not done here, and says what is.
    ///
    /// # Errors
    /// If such a flag was given.
    pub(super) fn refuse(&self) -> Result<(), Failure> {
        let secret = "encrypted packets are not decrypted, and signatures of segments not verified";
        let flags = [
            (
                self.list_interfaces,
                "-D",
                "`scanner capture list` lists pods and containers with their interfaces; `-i NAME` takes one, `-i any` all",
            ),
            (
                self.list_data_link_types,
                "-L",
                "an interface is captured with the framing that it has; `-i any` is LINUX_SLL2",
            ),
            (self.list_time_stamp_types, "-J", "times are those that the kernel gives to packets"),
            (self.time_stamp_type.is_some(), "-j", "times are those that the kernel gives to packets"),
            (
                self.link_type.is_some(),
                "-y",
                "an interface is captured with the framing that it has; `-i any` is LINUX_SLL2",
            ),
            (self.monitor_mode, "-I", "there is no monitor mode: nodes have no Wi-Fi"),
            (self.dotted_systems, "-b", "numbers of autonomous systems are printed without dots"),
            (self.show_program > 0, "-d", "a filter's program is not printed; `tcpdump -d FILTER` does it"),
            (self.user.is_some(), "-Z", "what is not needed of root's rights is dropped without it"),
            (self.after_rotation.is_some(), "-z", "nothing is run: compress files after the capture"),
            (self.esp_secret.is_some(), "-E", secret),
            (self.tcp_secret.is_some(), "-M", secret),
            (self.snmp_module.is_some(), "-m", "SNMP is not decoded"),
            (self.packet_type.is_some(), "-T", "packets are decoded by their ports; VXLAN is known on 4789 and 8472"),
            (self.file_list.is_some(), "-V", "one file is read, by `-r FILE`"),
        ];
        match flags.into_iter().find(|(is_given, ..)| *is_given) {
            Some((_, flag, sentence)) => {
                Err(Failure::new(format!("capture: tcpdump's {flag} is not known here")).with_help(sentence))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    fn refused(line: &str) -> Option<String> {
        let command = TcpdumpArgs::augment_args(Command::default());
        let matches = command.try_get_matches_from(line.split(' ')).unwrap();
        TcpdumpArgs::from_arg_matches(&matches).unwrap().refuse().err().map(|failure| failure.what().to_owned())
    }

    #[test]
    fn flags_without_meaning_are_accepted() {
        assert_eq!(refused("capture -NOfHu --micro"), None);
    }

    #[test]
    fn flags_that_something_else_does_are_refused_by_name() {
        for (line, flag) in
            [("capture -ND", "-D"), ("capture -y EN10MB", "-y"), ("capture -dd", "-d"), ("capture -Zroot", "-Z")]
        {
            let text = refused(line).unwrap();
            assert!(text.contains(&format!("tcpdump's {flag} is not known here")), "{text}");
        }
    }
}
