//! Lets the process open as many files as its connections need: many systems allow 1,024 unless a
//! process asks for more, and a service that is out of files reaches its database no more.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A connection has two handles: the framework's, and the one by which it is ended.
const PER_CONNECTION: u64 = 2;

/// For the database, Stripe, logs and listeners.
const BESIDE: u64 = 256;

/// Asks for what so many connections need, and says so where the system refuses.
pub(crate) fn allow(connections_max: usize) {
    let connections = u64::try_from(connections_max).unwrap_or(u64::MAX);
    let needed = connections
        .saturating_mul(PER_CONNECTION)
        .saturating_add(BESIDE);
    let limit = getrlimit(Resource::Nofile);
    // No number means no limit.
    if limit.current.is_none_or(|current| current >= needed) {
        return;
    }
    let granted = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    let asked = Rlimit {
        current: Some(granted),
        maximum: limit.maximum,
    };
    if setrlimit(Resource::Nofile, asked).is_err() || granted < needed {
        tracing::warn!(
            "HTTP_CONNECTIONS_MAX={connections_max} may need {needed} open files, and the system does not allow them: raise the limit (`ulimit -n`) or lower the setting"
        );
    }
}
