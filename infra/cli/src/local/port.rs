//! Ports on loopback.

use super::failure::{Doing as _, Failure};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

/// Which port a server of the local stack takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Port {
    /// Whichever is free.
    #[default]
    Free,
    /// This one, or none.
    Exactly(u16),
}

impl Port {
    /// The number of a port that was free a moment ago. `server` and `remedy` are for the message when it is not.
    pub(crate) fn pick(self, server: &str, remedy: &str) -> Result<u16, Failure> {
        let wanted = match self {
            Self::Free => 0,
            Self::Exactly(number) => number,
        };
        match TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)) {
            Ok(listener) => {
                Ok(listener.local_addr().doing(|| "tell the number of a free port".to_owned())?.port())
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse => Err(Failure::new(format!(
                "port {wanted} of 127.0.0.1, meant for {server}, is taken: end the program that has it \
                 (`lsof -i :{wanted}` names it), or {remedy}"
            ))),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(Failure::new(format!(
                "port {wanted} of 127.0.0.1, meant for {server}, is not ours to take: {remedy}, 1024 or above"
            ))),
            Err(error) => {
                Err(Failure::because(format!("cannot take port {wanted} of 127.0.0.1 for {server}"), error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_is_a_real_one() {
        assert_ne!(Port::Free.pick("the test", "").unwrap(), 0);
    }

    #[test]
    fn a_taken_port_is_named_with_its_remedy() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let number = taken.local_addr().unwrap().port();
        let error =
            Port::Exactly(number).pick("MiniStack", "choose another with --port").unwrap_err().to_string();
        for part in [&number.to_string(), "MiniStack", "--port"] {
            assert!(error.contains(part), "{error}");
        }
        drop(taken);
        assert_eq!(Port::Exactly(number).pick("MiniStack", "").unwrap(), number);
    }
}
