//! The program: reads what is asked, does it, and ends with one sentence if it could not.

use std::io::Write;
use std::process::ExitCode;

use billing_app::cli::Cli;
use billing_app::commands;
use clap::Parser;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Every TLS connection of the process uses this one; a second installation is refused and
    // changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match commands::run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "error: {}", failure.message);
            failure.exit_code()
        }
    }
}
