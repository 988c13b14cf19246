//! Before the tables are there (E-116): alive, not ready, and no event is taken, so that Stripe
//! sends it again.

use std::net::TcpListener;
use std::time::Duration;

use billing_actix::{HttpConfig, UseCases};
use billing_seaorm::SeaOrmStore;

use crate::cli::Failure;
use crate::commands::say;

/// How often the tables are looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Returns once every migration is applied, by whomever; at once if they are.
///
/// Until then requests are answered over the same store: whatever needs a table fails with 503.
pub(super) async fn until_migrated(
    store: &SeaOrmStore,
    listener: &TcpListener,
    http: HttpConfig,
    use_cases: &UseCases,
) -> Result<(), Failure> {
    if is_migrated(store).await? {
        return Ok(());
    }
    let unusable = |error| Failure::failed("the server cannot be started", &error);
    let address = listener.local_addr().map_err(unusable)?;
    // The socket stays open when this server ends: nobody is refused while the next one starts.
    let listener = listener.try_clone().map_err(unusable)?;
    let server = billing_actix::server(listener, http, use_cases.clone()).map_err(unusable)?;
    let handle = server.handle();
    let serving = tokio::spawn(server);
    tracing::warn!("migrations are pending; run `billing-app migrate`");
    say(&format!(
        "waiting on http://{address}: migrations are pending; run `billing-app migrate`"
    ))?;
    let mut looks = tokio::time::interval(LOOK_INTERVAL);
    while !is_migrated(store).await? {
        looks.tick().await;
    }
    handle.stop(true).await;
    match serving.await {
        Ok(ended) => ended.map_err(unusable),
        Err(error) => Err(Failure::failed("the server crashed", &error)),
    }
}

async fn is_migrated(store: &SeaOrmStore) -> Result<bool, Failure> {
    let status = store.migration_status().await;
    let status =
        status.map_err(|error| Failure::failed("the migrations cannot be read", &error))?;
    Ok(status.is_current())
}
