//! One SSH connection: log-in, channels, and what is asked of a channel before it is a session.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::{Algorithm, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelOpenFailure, Error, MethodSet, Pty};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tracing::{Instrument, info, info_span, warn};

use crate::management::audit::LoginAttempt;
use crate::management::desk::Visitor;
use crate::transport::conversation::Surroundings;
use crate::transport::flow::Gauge;
use crate::transport::login::UserKey;
use crate::transport::netconf_channel;
use crate::transport::server::Shared;

/// Window of a channel in ordinary times, in bytes.
pub(crate) const WINDOW: u32 = 2 * 1024 * 1024;
/// Window while requests pile up: the client goes on, slowly.
const NARROW_WINDOW: u32 = 4096;
/// What a wrong password costs; wrong keys cost nothing, for they cannot be guessed.
const WRONG_PASSWORD_PAUSE: Duration = Duration::from_secs(1);
/// Requests on a channel before it is a session; they wait in a buffer of 100 that nobody empties.
const MAX_EARLY_REQUESTS: u32 = 50;

/// The name of this transport in ietf-netconf-monitoring.
const TRANSPORT: &str = "netconf-ssh";

/// Ways to log in (RFC 4252).
const PUBLIC_KEY: &str = "publickey";
const PASSWORD: &str = "password";

/// A channel that is not a session yet.
struct Idle {
    channel: Channel<Msg>,
    requests: u32,
}

/// What russh calls when something happens on a connection.
pub(crate) struct Connection {
    shared: Arc<Shared>,
    peer: SocketAddr,
    user: String,
    logged_in: watch::Sender<bool>,
    idle: HashMap<ChannelId, Idle>,
    open_sessions: Arc<watch::Sender<usize>>,
    waiting: Arc<Gauge>,
    /// The last window granted was a narrow one, so what comes in is what that allows.
    narrow: bool,
    /// Attempts to log in that were refused.
    rejections: usize,
}

impl Connection {
    pub(crate) fn new(
        shared: Arc<Shared>,
        peer: SocketAddr,
        logged_in: watch::Sender<bool>,
        open_sessions: Arc<watch::Sender<usize>>,
    ) -> Connection {
        Connection {
            shared,
            peer,
            user: String::new(),
            logged_in,
            idle: HashMap::new(),
            open_sessions,
            waiting: Arc::new(Gauge::default()),
            narrow: false,
            rejections: 0,
        }
    }

    fn reject(&mut self) -> Auth {
        self.rejections += 1;
        let limit = self.shared.limits.max_login_attempts;
        if self.rejections == limit {
            warn!(peer = %self.peer, limit, "no further attempt to log in is taken (max-login-attempts)");
        }
        Auth::Reject {
            proceed_with_methods: Some(self.shared.ssh.methods()),
            partial_success: false,
        }
    }

    /// Tells the front desk of a login, or why it was refused.
    fn told(&self, user: &str, method: &'static str, key: Option<String>, refused: Option<&'static str>) {
        self.shared.desk.login(LoginAttempt {
            user: user.to_owned(),
            from: self.peer.to_string(),
            transport: TRANSPORT,
            method,
            key,
            refused,
        });
    }

    fn knows(&self, user: &str, key: &PublicKey) -> bool {
        self.shared.ssh.login.publickey(user, &UserKey::new(key.clone()))
    }

    fn early_request(&mut self, channel: ChannelId) -> Result<(), Error> {
        if let Some(idle) = self.idle.get_mut(&channel) {
            idle.requests += 1;
            if idle.requests > MAX_EARLY_REQUESTS {
                warn!(peer = %self.peer, "connection closed: too many requests on a channel");
                return Err(Error::Inconsistent);
            }
        }
        Ok(())
    }

    fn open_netconf(&mut self, channel: Channel<Msg>, permit: OwnedSemaphorePermit, session: &Session) {
        let around = Surroundings {
            shared: Arc::clone(&self.shared),
            visitor: Visitor {
                user: self.user.clone(),
                from: self.peer.to_string(),
                transport: TRANSPORT,
            },
            waiting: Arc::clone(&self.waiting),
        };
        let handle = session.handle();
        let open_sessions = Arc::clone(&self.open_sessions);
        open_sessions.send_modify(|open| *open += 1);
        let span = info_span!("netconf", session = tracing::field::Empty);
        let serving = async move {
            netconf_channel::serve(channel, handle, around).await;
            drop(permit);
            open_sessions.send_modify(|open| *open -= 1);
        };
        tokio::spawn(serving.instrument(span));
    }

    /// Shell and commands: a polite no.
    fn refuse_command_line(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Error> {
        self.idle.remove(&channel);
        session.channel_success(channel)?;
        let excuse =
            "There is no command line here yet: ask for the subsystem netconf (ssh -s HOST netconf).\r\n";
        session.extended_data(channel, 1, excuse.as_bytes().to_vec())?;
        session.exit_status_request(channel, 1)?;
        session.eof(channel)?;
        session.close(channel)
    }
}

impl Handler for Connection {
    type Error = Error;

    async fn auth_none(&mut self, _user: &str) -> Result<Auth, Error> {
        Ok(self.reject())
    }

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Error> {
        if *offer.algorithm == (Algorithm::Rsa { hash: None }) {
            info!(peer = %self.peer, ?user, "key refused: an RSA signature with SHA-1");
            self.told(user, PUBLIC_KEY, None, Some("an RSA signature with SHA-1"));
            return Ok(self.reject());
        }
        // Without this, russh would have the client sign for keys that nobody listed.
        match self.knows(user, offer.public_key) {
            true => Ok(Auth::Accept),
            false => {
                let fingerprint = UserKey::new(offer.public_key.clone()).fingerprint();
                info!(peer = %self.peer, ?user, fingerprint, "key refused: not listed for this user");
                self.told(
                    user,
                    PUBLIC_KEY,
                    Some(fingerprint),
                    Some("key not listed for this user"),
                );
                Ok(self.reject())
            }
        }
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Error> {
        let fingerprint = UserKey::new(key.public_key.clone()).fingerprint();
        if !self.knows(user, key.public_key) {
            self.told(
                user,
                PUBLIC_KEY,
                Some(fingerprint),
                Some("key not listed for this user"),
            );
            return Ok(self.reject());
        }
        self.user = user.to_owned();
        info!(peer = %self.peer, ?user, fingerprint, "logged in with a key");
        self.told(user, PUBLIC_KEY, Some(fingerprint), None);
        Ok(Auth::Accept)
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Error> {
        if !self.shared.ssh.login.takes_passwords() {
            return Ok(self.reject());
        }
        // Each check takes many megabytes, so only a few run at a time.
        let turn = self.shared.ssh.password_checks.acquire().await;
        let login = Arc::clone(&self.shared.ssh.login);
        let (name, password) = (user.to_owned(), zeroize::Zeroizing::new(password.to_owned()));
        let fits = tokio::task::spawn_blocking(move || login.password(&name, &password))
            .await
            .unwrap_or(false);
        drop(turn);
        if fits {
            self.user = user.to_owned();
            info!(peer = %self.peer, ?user, "logged in with a password");
            self.told(user, PASSWORD, None, None);
            return Ok(Auth::Accept);
        }
        info!(peer = %self.peer, ?user, "login refused: unknown user or wrong password");
        self.told(user, PASSWORD, None, Some("unknown user or wrong password"));
        let _ = tokio::time::timeout(WRONG_PASSWORD_PAUSE, std::future::pending::<()>()).await;
        Ok(self.reject())
    }

    async fn auth_succeeded(&mut self, _session: &mut Session) -> Result<(), Error> {
        self.logged_in.send_replace(true);
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Error> {
        let limit = self.shared.limits.max_channels;
        if self.idle.len() + *self.open_sessions.borrow() >= limit {
            warn!(peer = %self.peer, limit, "channel refused: too many on one connection (max-channels)");
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        self.idle.insert(channel.id(), Idle { channel, requests: 0 });
        reply.accept().await;
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _session: &mut Session) -> Result<(), Error> {
        self.idle.remove(&channel);
        Ok(())
    }

    async fn data(&mut self, channel: ChannelId, _data: &[u8], _session: &mut Session) -> Result<(), Error> {
        if self.idle.contains_key(&channel) {
            warn!(peer = %self.peer, "connection closed: data on a channel that is no session");
            return Err(Error::Inconsistent);
        }
        if self.narrow && self.waiting.is_piled_up() {
            // Replies leave by the same task, and the client's permission to send more comes in behind this packet.
            self.waiting.pause().await;
        }
        Ok(())
    }

    async fn extended_data(
        &mut self,
        channel: ChannelId,
        _code: u32,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Error> {
        self.data(channel, data, session).await
    }

    /// Called after a window of `granted` bytes was given; says how wide the next one is. russh grants a window when
    /// half of the last one is used, so a client is never stopped entirely.
    fn adjust_window(&mut self, _channel: ChannelId, granted: u32) -> u32 {
        self.narrow = granted == NARROW_WINDOW;
        match self.waiting.is_piled_up() {
            true => NARROW_WINDOW,
            false => WINDOW,
        }
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _col_width: u32,
        _row_height: u32,
        _pix_width: u32,
        _pix_height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Error> {
        self.early_request(channel)?;
        // scrapli's system transport forces a terminal; nothing has to come of it.
        session.channel_success(channel)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        _value: &str,
        session: &mut Session,
    ) -> Result<(), Error> {
        self.early_request(channel)?;
        session.channel_failure(channel)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _single_connection: bool,
        _protocol: &str,
        _cookie: &str,
        _screen: u32,
        session: &mut Session,
    ) -> Result<(), Error> {
        self.early_request(channel)?;
        session.channel_failure(channel)
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        _col_width: u32,
        _row_height: u32,
        _pix_width: u32,
        _pix_height: u32,
        _session: &mut Session,
    ) -> Result<(), Error> {
        self.early_request(channel)
    }

    async fn agent_request(&mut self, channel: ChannelId, _session: &mut Session) -> Result<bool, Error> {
        self.early_request(channel)?;
        Ok(false)
    }

    async fn signal(
        &mut self,
        channel: ChannelId,
        _signal: russh::Sig,
        _session: &mut Session,
    ) -> Result<(), Error> {
        self.early_request(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Error> {
        match self.idle.contains_key(&channel) {
            true => self.refuse_command_line(channel, session),
            false => session.channel_failure(channel),
        }
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _command: &[u8],
        session: &mut Session,
    ) -> Result<(), Error> {
        self.shell_request(channel, session).await
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Error> {
        self.early_request(channel)?;
        if name != "netconf" {
            return session.channel_failure(channel);
        }
        let Ok(permit) = Arc::clone(&self.shared.sessions).try_acquire_owned() else {
            let limit = self.shared.limits.max_sessions;
            warn!(peer = %self.peer, limit, "session refused: too many sessions");
            // Shown by a client as what its server says on standard error.
            let words = format!("no session: {limit} sessions are open, and max-sessions allows no more\r\n");
            session.extended_data(channel, 1, words.into_bytes())?;
            return session.channel_failure(channel);
        };
        if let Some(words) = self.shared.desk.refuses_sessions() {
            warn!(peer = %self.peer, "session refused: {words}");
            session.extended_data(channel, 1, format!("{words}\r\n").into_bytes())?;
            return session.channel_failure(channel);
        }
        let Some(idle) = self.idle.remove(&channel) else {
            return session.channel_failure(channel);
        };
        session.channel_success(channel)?;
        self.open_netconf(idle.channel, permit, session);
        Ok(())
    }
}

/// The methods that a server offers.
pub(crate) fn methods(takes_passwords: bool) -> MethodSet {
    let offered: &[russh::MethodKind] = match takes_passwords {
        true => &[russh::MethodKind::PublicKey, russh::MethodKind::Password],
        false => &[russh::MethodKind::PublicKey],
    };
    MethodSet::from(offered)
}
