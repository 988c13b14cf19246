//! Lets what is sent to PostgreSQL over TCP leave at once. sqlx 0.9.0 leaves Nagle's algorithm on
//! (<https://github.com/transact-rs/sqlx/issues/4335>, mended there and not released): the end of a
//! statement that is longer than a packet then waits some 40 ms for an acknowledgement. sqlx does not
//! give its sockets away, so they are looked up among the process's own, and told by their peer.
//! To be removed with sqlx's next release.

use std::io;

use sea_orm::sqlx::postgres::PgConnectOptions;

/// The port at which the database is reached, if by TCP.
pub(crate) fn tcp_port(options: &PgConnectOptions) -> Option<u16> {
    let is_path = options.get_socket().is_some() || options.get_host().starts_with('/');
    (!is_path).then(|| options.get_port())
}

/// Turns Nagle's algorithm off for every connection of this process to a port; gives their number.
/// It costs a look at every open file, so it is for whoever has just opened a connection.
pub(crate) async fn send_at_once(port: u16) -> io::Result<usize> {
    tokio::task::spawn_blocking(move || turn_off(port))
        .await
        .map_err(io::Error::other)?
}

#[cfg(target_os = "linux")]
fn turn_off(port: u16) -> io::Result<usize> {
    use std::net::SocketAddr;

    use rustix::net::{getpeername, sockopt};
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    let process = pidfd_open(getpid(), PidfdFlags::empty())?;
    let mut count = 0;
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let number = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        // What was closed since is not there any more.
        let kind = std::fs::read_link(entry.path()).unwrap_or_default();
        let (Some(number), true) = (number, kind.to_string_lossy().starts_with("socket:")) else {
            continue;
        };
        // A second name of the same socket, so that nobody can close it meanwhile.
        let Ok(socket) = pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) else {
            continue;
        };
        let peer = getpeername(&socket).ok().flatten();
        let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
        if peer.is_some_and(|peer| peer.port() == port) {
            sockopt::set_tcp_nodelay(&socket, true)?;
            count += 1;
        }
    }
    Ok(count)
}

#[cfg(not(target_os = "linux"))]
fn turn_off(_port: u16) -> io::Result<usize> {
    Ok(0)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn connections_to_the_port_send_at_once_and_no_others_are_touched() {
        let open = || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            (
                address.port(),
                TcpStream::connect(address).unwrap(),
                listener,
            )
        };
        let (port, ours, _listener) = open();
        let (_, other, _other_listener) = open();
        assert!(!ours.nodelay().unwrap(), "or this proves nothing");
        assert_eq!(send_at_once(port).await.unwrap(), 1);
        assert!(ours.nodelay().unwrap());
        assert!(!other.nodelay().unwrap());
    }

    #[test]
    fn a_socket_in_the_file_system_has_no_port() {
        let port = |url: &str| tcp_port(&url.parse().unwrap());
        assert_eq!(port("postgres://u@db.example:5433/billing"), Some(5433));
        assert_eq!(port("postgres://u@%2Fvar%2Frun%2Fpostgresql/billing"), None);
    }
}
