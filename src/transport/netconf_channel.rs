//! One `netconf` channel of an SSH connection as a session: its bytes, exit-status and close.

use russh::server::{Handle, Msg};
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};

use crate::management::desk::Ending;
use crate::transport::conversation::{self, Arrival, ClientGone, FromClient, Surroundings, ToClient};

impl FromClient for ChannelReadHalf {
    async fn next(&mut self) -> Arrival {
        match self.wait().await {
            Some(ChannelMsg::Data { data }) => Arrival::Bytes(data.into()),
            Some(ChannelMsg::Eof) => Arrival::EndOfInput,
            Some(ChannelMsg::Close) | None => Arrival::Gone,
            // Window adjustments and requests that the connection answered.
            Some(_) => Arrival::Nothing,
        }
    }
}

impl ToClient for ChannelWriteHalf<Msg> {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<(), ClientGone> {
        self.data_bytes(bytes).await.map_err(|_| ClientGone)
    }
}

/// Serves one session; then exit-status and close (RFC 4254 sections 5.3 and 6.10), by the connection's handle.
pub(crate) async fn serve(channel: Channel<Msg>, handle: Handle, around: Surroundings) {
    let id = channel.id();
    let (reader, writer) = channel.split();
    let parted = conversation::serve(reader, writer, around).await;
    if let Some(reason) = parted.reason {
        // NETCONF has no message for it; clients show this as what their server says on standard error.
        let words = format!("the session ended: {reason}\r\n");
        let _ = handle.extended_data(id, 1, words.into_bytes()).await;
    }
    let exit_status = u32::from(parted.ending != Ending::Closed);
    // On a connection that is stuck these wait until it is given up; nobody waits for them.
    let _ = handle.exit_status_request(id, exit_status).await;
    let _ = handle.eof(id).await;
    let _ = handle.close(id).await;
}
