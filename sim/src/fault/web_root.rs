//! A web server whose root is the memory card: HTTP/1.1 (RFC 9112) without TLS
//! and without a password.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    path::Listen,
    world::{ByteStream, Disk},
};

/// The service.
pub const FAULTY_WEB_ROOT: Listen = Listen {
    port: 80,
    scheme: "http",
    resource: "",
    serve: |device, mut stream, _, _| {
        Box::pin(async move {
            let request = read_head(&mut *stream).await?;
            let response = respond(&*device.world.disk, &request);
            stream.write_all(&response).await?;
            Ok(stream.shutdown().await?)
        })
    },
};

/// Octets of a request that are read.
const LONGEST_REQUEST: usize = 8 << 10;

/// What comes up to the empty line, or to the end.
async fn read_head(stream: &mut dyn ByteStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut octets = [0; 1024];
    while head.len() < LONGEST_REQUEST && !head.windows(4).any(|run| run == b"\r\n\r\n") {
        match stream.read(&mut octets).await? {
            0 => break,
            read => head.extend_from_slice(&octets[..read]),
        }
    }
    Ok(head)
}

/// The list of files at `/`, a file at its name; every answer is the last on
/// its connection.
fn respond(disk: &dyn Disk, request: &[u8]) -> Vec<u8> {
    let request = String::from_utf8_lossy(request);
    let mut words = request.split_ascii_whitespace();
    let (Some("GET"), Some(target)) = (words.next(), words.next()) else {
        return answer("400 Bad Request", "text/plain", b"only GET\n");
    };
    match target.trim_start_matches('/') {
        "" => {
            let names = disk.list().unwrap_or_default();
            let items = names
                .iter()
                .map(|name| format!("<li><a href=\"/{name}\">{name}</a>\n"));
            let page = format!(
                "<title>Index of /</title>\n<ul>\n{}</ul>\n",
                items.collect::<String>()
            );
            answer("200 OK", "text/html", page.as_bytes())
        }
        name => match disk.read(name) {
            Ok(octets) => answer("200 OK", "application/octet-stream", &octets),
            Err(_) => answer("404 Not Found", "text/plain", b"no such file\n"),
        },
    }
}

fn answer(status: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}
