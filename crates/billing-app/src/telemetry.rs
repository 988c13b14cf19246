//! Logs: one line per fact, JSON or text, to standard error or to a file.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::LogSection;

/// Starts logging for the whole process. A second call changes nothing.
///
/// # Errors
/// The file cannot be opened, or the filter is not one.
pub fn init(section: &LogSection, file: Option<&Path>) -> io::Result<()> {
    let filter = EnvFilter::try_new(&section.filter).map_err(|error| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("LOG_FILTER is not a filter: {error}"),
        )
    })?;
    let writer = match file {
        Some(path) => BoxMakeWriter::new(Arc::new(
            File::options().create(true).append(true).open(path)?,
        )),
        None => BoxMakeWriter::new(io::stderr),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false);
    let started = if section.json {
        builder.json().try_init()
    } else {
        builder.try_init()
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
    Ok(())
}
