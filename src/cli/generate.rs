//! `scanner completions` and `scanner man`: made from the arguments themselves.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Arguments;
use super::exit::Exit;
use super::failure::Failure;
use super::output::Destination;

/// Prints the completions of a shell.
#[derive(Args, Clone, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the manual page of the program or of a command, roff for man(1).
#[derive(Args, Clone, Debug)]
pub(crate) struct ManArgs {
    /// The command, such as audit or rules list; none for the program
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

/// Writes completions to stdout.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "scanner", &mut text);
    Destination::Stdout.write(&text)?;
    Ok(Exit::Clean)
}

/// Writes a manual page to stdout.
pub(crate) fn man(args: &ManArgs) -> Result<Exit, Failure> {
    let mut command = Arguments::command();
    command.build();
    for word in &args.command {
        let Some(inner) = command.find_subcommand(word).cloned() else {
            let help = "see the commands with: scanner --help";
            return Err(Failure::new(format!("find the command {word}")).with_help(help));
        };
        command = inner;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| Failure::new(format!("write the manual page: {error}")))?;
    Destination::Stdout.write(&page)?;
    Ok(Exit::Clean)
}
