//! `billing-app events export`: one event as a test case without personal data.

use billing_seaorm::SqliteSynchronous;

use super::args::ExportArgs;
use super::unknown;
use crate::cli::Failure;
use crate::commands::{load, must_be_migrated, production, say};
use crate::demo::temporary_folder;
use crate::flight_recorder::record;
use crate::service::connect;

/// Exports.
pub(super) async fn run(args: &ExportArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let live = connect(&config.database, SqliteSynchronous::Full).await?;
    must_be_migrated(&live).await?;
    let folder = temporary_folder("export")?;
    let now = production().clock.now();
    let case = record(live, folder.path(), &args.event, now).await?;
    let case = case.ok_or_else(|| unknown(&args.event))?;
    say(&format!("{case:#}"))
}
