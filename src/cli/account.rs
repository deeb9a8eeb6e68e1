//! The account that a command works on: the account of the AWS credentials, or the one in a world file.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
#[cfg(feature = "aws")]
use bedrock_remediator::aws::Aws;
use bedrock_remediator::config::Config;
#[cfg(feature = "aws")]
use bedrock_remediator::config::organization_from_vars;
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::ids::{AccountRegion, Region};
use bedrock_remediator::run::context::TimeBudget;
use bedrock_remediator::sandbox::{Sandbox, WorldFile};
use jiff::{SignedDuration, Timestamp};

/// Options that say which ledger and topic a command uses.
#[derive(clap::Args)]
pub(crate) struct Where {
    /// Use a world file instead of AWS; changes are not saved
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// DynamoDB table of the ledger, the stack's output `TableName` (default: the variable TABLE_NAME)
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// ARN of the SNS topic that notices go to (default: the variable TOPIC_ARN)
    #[arg(long, value_name = "ARN")]
    topic: Option<String>,
    /// Print JSON, one document a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// No deadline: a command, unlike a Lambda invocation, has no time-out.
pub(crate) const ALLOWANCE: TimeBudget =
    TimeBudget { until: Timestamp::MAX, lease: SignedDuration::from_secs(90) };

/// Evaluates `$what` against the account that `$at` selects, with that account's context.
macro_rules! on {
    ($at:expr, |$world:ident, $terms:ident| $what:expr) => {{
        use bedrock_remediator::run::context::RunContext;
        use $crate::cli::account::ALLOWANCE;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        match $at.embedded()? {
            Some((world, config, home)) => {
                let ($world, $terms) =
                    (&world, &RunContext { config: &config, home: &home, allowance: ALLOWANCE });
                runtime.block_on($what)
            }
            #[cfg(feature = "aws")]
            None => {
                let (world, config, home) = runtime.block_on($at.aws())?;
                let ($world, $terms) =
                    (&world, &RunContext { config: &config, home: &home, allowance: ALLOWANCE });
                runtime.block_on(Box::pin($what))
            }
            #[cfg(not(feature = "aws"))]
            None => anyhow::bail!("this build knows no AWS; name a world file with --world"),
        }
    }};
}

pub(crate) use on;

/// The option's value, else the environment variable's; `None` if empty.
fn named(given: Option<&String>, variable: &str) -> Option<String> {
    given.cloned().or_else(|| std::env::var(variable).ok()).filter(|text| !text.is_empty())
}

impl Where {
    pub(crate) fn table(&self) -> Option<String> {
        named(self.table.as_ref(), "TABLE_NAME")
    }

    pub(crate) fn topic(&self) -> Option<String> {
        named(self.topic.as_ref(), "TOPIC_ARN")
    }

    /// Returns an error if no world file is given and the table or the topic is missing.
    pub(crate) fn has_ledger(&self) -> anyhow::Result<()> {
        let missing = |flag: &str, variable: &str| {
            anyhow!("name it with {flag} or the variable {variable}; the stack's outputs have it")
        };
        // In a build without AWS, `on!` reports the missing world file.
        if self.world.is_some() || cfg!(not(feature = "aws")) {
            return Ok(());
        }
        self.table().ok_or_else(|| missing("--table", "TABLE_NAME")).context("which table is the ledger?")?;
        self.topic()
            .ok_or_else(|| missing("--topic", "TOPIC_ARN"))
            .context("which topic are people told through?")?;
        Ok(())
    }

    /// The world file's account; `None` without `--world`.
    pub(crate) fn embedded(&self) -> anyhow::Result<Option<(Sandbox, Config, FunctionIdentity)>> {
        let Some(path) = &self.world else { return Ok(None) };
        let file = read_world(path)?;
        let config = file.guard_rails().context("the world file's `config` is wrong")?;
        let home = file.home();
        Ok(Some((Sandbox::new(file, Timestamp::now()), config, home)))
    }

    /// The account of the AWS credentials, with the table and topic of the options or the environment.
    #[cfg(feature = "aws")]
    pub(crate) async fn aws(&self) -> anyhow::Result<(Aws, Config, FunctionIdentity)> {
        let config = Config::from_vars(|name| std::env::var(name).ok())?;
        let organization = organization_from_vars(|name| std::env::var(name).ok())?;
        let aws = Aws::of_default_chain().await.context("AWS cannot be asked")?;
        let mut aws = aws.with_organization(organization.clone());
        if let Some(table) = self.table() {
            let name = format!("person.{}.{}", std::process::id(), Timestamp::now().as_millisecond());
            aws = aws.with_table(&table, &name);
        }
        if let Some(topic) = self.topic() {
            aws = aws.with_topic(&topic);
        }
        let home = FunctionIdentity { table: self.table(), topic: self.topic(), organization, ..aws.home() };
        Ok((aws, config, home))
    }
}

/// Parses a Region on the command line.
pub(crate) fn region(text: &str) -> Result<Region, String> {
    Region::parse(text).ok_or_else(|| "a Region is a code such as us-east-1".to_owned())
}

/// The account of `home` in each of the `named` Regions, or in its own Region if none is named.
pub(crate) fn places(home: &FunctionIdentity, named: &[Region]) -> anyhow::Result<Vec<AccountRegion>> {
    let account = home.account.as_ref().context("the account is not known")?;
    let regions = if named.is_empty() { home.region.as_slice() } else { named };
    ensure!(!regions.is_empty(), "which Region? name it with --region");
    let at = |region: &Region| AccountRegion { account: account.clone(), region: region.clone() };
    Ok(regions.iter().map(at).collect())
}

pub(crate) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut payload = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut payload)?;
        return Ok(payload);
    }
    if file.is_dir() {
        bail!("`{}` is a folder; name the files in it", file.display());
    }
    std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))
}

pub(crate) fn read_world(path: &Path) -> anyhow::Result<WorldFile> {
    let name = path.display();
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read the world file `{name}`"))?;
    WorldFile::parse(&text).with_context(|| format!("the world file `{name}` is wrong"))
}
