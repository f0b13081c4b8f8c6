//! A hand on the first TLS record of a connection, for faults that a sound
//! TLS stack cannot be made to have.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::Fault;
use crate::world::ByteStream;

/// Octets that answer a record, or `None` if the TLS stack is to answer.
pub type Answer = fn(&[u8]) -> Option<Vec<u8>>;

/// Lets the fault, if there is one of this kind, look at the first record. It
/// answers and the connection is over (`None`), or the TLS stack gets to see
/// everything.
pub async fn intercept(
    fault: &Fault,
    mut stream: Box<dyn ByteStream>,
) -> io::Result<Option<Box<dyn ByteStream>>> {
    let Some(answer) = fault.client_hello else {
        return Ok(Some(stream));
    };
    let mut record = vec![0; 5];
    stream.read_exact(&mut record).await?;
    let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
    record.resize(5 + length, 0);
    stream.read_exact(&mut record[5..]).await?;
    match answer(&record) {
        Some(octets) => {
            stream.write_all(&octets).await?;
            stream.shutdown().await?;
            Ok(None)
        }
        None => Ok(Some(Box::new(Replayed {
            record,
            read: 0,
            stream,
        }))),
    }
}

/// A ServerHello of TLS 1.0 (RFC 2246 7.4.1.3) with the client's own random
/// for a random, if the client offers TLS 1.1 or less and nothing better.
pub fn faulty_accept_tls10(record: &[u8]) -> Option<Vec<u8>> {
    const TLS_RSA_WITH_AES_128_CBC_SHA: [u8; 2] = [0x00, 0x2f];
    let offered = record.get(9..11)?;
    let random = record.get(11..43)?;
    if record[0] != 22 || offered > [3, 2].as_slice() {
        return None;
    }
    let mut hello = vec![3, 1];
    hello.extend_from_slice(random);
    hello.push(0);
    hello.extend_from_slice(&TLS_RSA_WITH_AES_128_CBC_SHA);
    hello.push(0);
    let mut answer = vec![
        22,
        3,
        1,
        0,
        hello.len() as u8 + 4,
        2,
        0,
        0,
        hello.len() as u8,
    ];
    answer.extend_from_slice(&hello);
    Some(answer)
}

/// A stream whose first octets have been read once already.
struct Replayed {
    record: Vec<u8>,
    read: usize,
    stream: Box<dyn ByteStream>,
}

impl AsyncRead for Replayed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.record[self.read..];
        if rest.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let length = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..length]);
        self.read += length;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Replayed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
