//! A status page without TLS, which even gives a cookie: what `tls.port80-page`
//! listens with.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::path::Listen;

/// The service.
pub const FAULTY_CLEAR_PAGE: Listen = Listen {
    port: 80,
    scheme: "http",
    resource: "",
    serve: |_, mut stream, _, _| {
        Box::pin(async move {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await?;
            stream.write_all(PAGE).await?;
            Ok(stream.shutdown().await?)
        })
    },
};

const PAGE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\
Set-Cookie: session=31415926\r\nContent-Length: 32\r\nConnection: close\r\n\r\n\
<title>camera</title><p>recording";
