//! `completions` and `man`: what a shell and a manual know of the commands.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::outcome::CommandOutcome;

const NAME: &str = "bedrock-remediator";

/// Print the completions of a shell
///
/// For bash, for one session: `source <(bedrock-remediator completions bash)`. Your shell's manual says where it
/// reads completions at each start.
#[derive(clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Write the manual pages into a folder
///
/// One page for the program and one for each command. To read one: `man FOLDER/bedrock-remediator-explain.1`.
#[derive(clap::Args)]
pub(crate) struct ManArgs {
    /// The folder; it is made if it does not exist
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

pub(crate) fn completions<C: CommandFactory>(args: &CompletionsArgs) -> anyhow::Result<CommandOutcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut C::command(), NAME, &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(CommandOutcome::AllAnswered)
}

pub(crate) fn man<C: CommandFactory>(args: &ManArgs) -> anyhow::Result<CommandOutcome> {
    let folder = &args.folder;
    let why = || format!("cannot write to `{}`", folder.display());
    std::fs::create_dir_all(folder).with_context(why)?;
    clap_mangen::generate_to(C::command(), folder).with_context(why)?;
    Ok(CommandOutcome::AllAnswered)
}
