//! Certificates, key and revocations of NETCONF over TLS: read at the start, and again whenever their files change.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::time_provider::TimeProvider;
use zeroize::Zeroizing;

use crate::app::clock::{AgentTime, Clock};
use crate::app::settings::tls::TlsSettings;
use crate::app::start_error::StartError;
use crate::transport::cert_to_name::CertToName;
use crate::transport::error::TransportError;
use crate::transport::server::Tls;
use crate::transport::tls_identity::{TlsIdentity, TlsMaterial};

/// Where everything is, and how the list goes.
struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: PathBuf,
    crl: Option<PathBuf>,
    cert_to_name: Vec<CertToName>,
    time: Arc<dyn TimeProvider>,
}

/// When a file was written, and how long it is; `None` for one that cannot be looked at.
type Mark = Option<(SystemTime, u64)>;

struct Held {
    identity: Arc<TlsIdentity>,
    marks: Vec<Mark>,
}

/// TLS as the settings want it, if they do.
pub fn tls(settings: &TlsSettings, clock: &Arc<dyn Clock>) -> Result<Option<Tls>, StartError> {
    if !settings.is_on() {
        return Ok(None);
    }
    // The settings were checked when they were read: all files are named, and the list can be read.
    let named = |file: &Option<PathBuf>| file.clone().unwrap_or_default();
    let files = TlsFiles {
        certificate: named(&settings.certificate_file),
        key: named(&settings.key_file),
        client_ca: named(&settings.client_ca_file),
        crl: settings.crl_file.clone(),
        cert_to_name: settings.cert_to_name().unwrap_or_default(),
        time: Arc::new(AgentTime(Arc::clone(clock))),
    };
    let marks = files.marks();
    let held = Mutex::new(Held {
        identity: Arc::new(files.read()?),
        marks,
    });
    Ok(Some(Tls {
        listen: settings.listen,
        identity: Arc::new(move || files.current(&held)),
    }))
}

impl TlsFiles {
    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.certificate, &self.key, &self.client_ca]
            .into_iter()
            .chain(&self.crl)
    }

    fn marks(&self) -> Vec<Mark> {
        let mark = |path: &PathBuf| {
            let data = fs::metadata(path).ok()?;
            Some((data.modified().ok()?, data.len()))
        };
        self.paths().map(mark).collect()
    }

    /// What is held, unless the files have changed to something that can be used. Looks at them, which costs microseconds.
    fn current(&self, held: &Mutex<Held>) -> Arc<TlsIdentity> {
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        let marks = self.marks();
        if marks != held.marks {
            held.marks = marks;
            match self.read() {
                Ok(identity) => {
                    held.identity = Arc::new(identity);
                    tracing::info!("certificates of NETCONF over TLS have changed and were read again");
                }
                Err(error) => {
                    tracing::warn!(%error, "certificates of NETCONF over TLS have changed and cannot be used: the old ones stay");
                }
            }
        }
        Arc::clone(&held.identity)
    }

    fn read(&self) -> Result<TlsIdentity, StartError> {
        let read = |what: &'static str, path: &PathBuf| {
            let unreadable = |cause| StartError::Unreadable {
                what,
                path: path.clone(),
                cause,
            };
            fs::read(path).map_err(unreadable)
        };
        let certificates = read("TLS certificate", &self.certificate)?;
        let key = Zeroizing::new(read("TLS key", &self.key)?);
        let client_cas = read("TLS client CA", &self.client_ca)?;
        let revocations = self.crl.as_ref().map(|path| read("TLS CRL", path)).transpose()?;
        let material = TlsMaterial {
            certificates: &certificates,
            key: &key,
            client_cas: &client_cas,
            revocations: revocations.as_deref(),
        };
        TlsIdentity::new(&material, self.cert_to_name.clone(), Arc::clone(&self.time))
            .map_err(|cause| self.named(cause))
    }

    /// The fault with the file that it is in.
    fn named(&self, cause: TransportError) -> StartError {
        let TransportError::Tls { what, .. } = &cause else {
            return StartError::Transport(cause);
        };
        let path = match *what {
            "key" => &self.key,
            "client CA" => &self.client_ca,
            "CRL" => self.crl.as_ref().unwrap_or(&self.client_ca),
            _ => &self.certificate,
        };
        StartError::TlsFile {
            what,
            path: path.clone(),
            cause,
        }
    }
}
