//! A TCP stream that can be cut from outside, whatever its user is waiting for.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

#[derive(Debug, Default)]
struct Scissors {
    cut: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

/// Cuts its [`CuttableStream`]. The only way to end a connection whose SSH task is stuck in a write.
#[derive(Clone, Debug)]
pub(crate) struct Cutter {
    scissors: Arc<Scissors>,
}

impl Cutter {
    /// Every read and write from now on fails, those that wait included.
    pub(crate) fn cut(&self) {
        self.scissors.cut.store(true, Ordering::SeqCst);
        self.scissors.reader.wake();
        self.scissors.writer.wake();
    }
}

/// See [`Cutter`].
#[derive(Debug)]
pub(crate) struct CuttableStream {
    tcp: TcpStream,
    scissors: Arc<Scissors>,
}

impl CuttableStream {
    pub(crate) fn new(tcp: TcpStream) -> (CuttableStream, Cutter) {
        let scissors = Arc::new(Scissors::default());
        let cutter = Cutter {
            scissors: Arc::clone(&scissors),
        };
        (CuttableStream { tcp, scissors }, cutter)
    }

    fn checked(&self) -> io::Result<()> {
        match self.scissors.cut.load(Ordering::SeqCst) {
            false => Ok(()),
            true => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
        }
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Registered before the check, so that a cut in between is not missed.
        self.scissors.reader.register(context.waker());
        self.checked()?;
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.scissors.writer.register(context.waker());
        self.checked()?;
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.checked()?;
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.checked()?;
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
