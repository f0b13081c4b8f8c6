//! What `no-credentials` and `wrong-credentials` do there.

use std::net::SocketAddr;

use lightleak_case::Experience;
use lightleak_sim::{
    seal::keys::Password,
    viewer::webrtc::{App, AppError},
    world::within,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Diary, GLANCE, JSON, PortalVisit, sleep, wrong_token};

/// The port of HTTP.
const PLAIN_PORT: u16 = 80;
/// How often a password is guessed: once more than before a pause.
const GUESSES: usize = 6;

/// The page, and then every request without a token and with one that nobody
/// was given; a session of somebody else is there to be guessed.
pub(in crate::stimulus) async fn without(visit: PortalVisit) -> Experience {
    let mut diary = Diary::default();
    let done = ask(&visit, &mut diary).await;
    diary.finish(done)
}

async fn ask(visit: &PortalVisit, diary: &mut Diary) -> Result<(), AppError> {
    sleep(&visit.first.world, GLANCE).await;
    let mut portal = visit.log_in().await?;
    let mut watching = visit.watch(&mut portal).await?;
    let (_call, offer) = visit.offer().await?;
    let mut app = App::connect(&visit.first.address, &visit.second.0).await?;
    diary.load_page(&mut app).await;
    ask_in_clear(visit, diary).await;
    let whep = format!("/whep/{}", visit.first.serial);
    let reply = app.ask("OPTIONS", &whep, None, Vec::new()).await;
    diary.reply("OPTIONS /whep", reply);
    for token in [None, Some(wrong_token())] {
        app.token = token;
        let session = watching.session.path.clone();
        visit.every_request(&mut app, &offer, &session, diary).await;
        let whip = format!("/whip/{}/0", visit.first.serial);
        let reply = app.ask("DELETE", &whip, None, Vec::new()).await;
        diary.reply("DELETE /whip", reply);
        let viewers = format!("{whip}/viewers?after=0");
        let reply = app.ask("GET", &viewers, None, Vec::new()).await;
        diary.reply("GET /whip", reply);
    }
    let watched = watching.watch(GLANCE).await?;
    diary.note(format!("who may watch does, connected: {watched}"));
    diary.leave("a viewer", watching).await;
    Ok(())
}

/// What a browser asks for when somebody types the address without a scheme.
async fn ask_in_clear(visit: &PortalVisit, diary: &mut Diary) {
    let to = SocketAddr::new(visit.first.address.endpoint.ip(), PLAIN_PORT);
    let clock = &*visit.first.world.clock;
    let asked = async {
        let mut stream = visit.second.0.net.connect(to).await?;
        let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", to.ip());
        stream.write_all(request.as_bytes()).await?;
        let mut answer = [0; 1024];
        let length = stream.read(&mut answer).await?;
        let line = String::from_utf8_lossy(&answer[..length]);
        std::io::Result::Ok(line.lines().next().unwrap_or_default().to_owned())
    };
    match within(clock, GLANCE, asked).await {
        Some(Ok(line)) => diary.note(format!("GET / without TLS: {line}")),
        Some(Err(error)) => diary.note(format!("GET / without TLS: {error}")),
        None => diary.note("GET / without TLS: no answer"),
    }
}

/// Wrong passwords until there is a pause, and the right one in it.
pub(in crate::stimulus) async fn guess(visit: PortalVisit) -> Experience {
    let mut diary = Diary::default();
    let done = log_in(&visit, &mut diary).await;
    diary.finish(done)
}

async fn log_in(visit: &PortalVisit, diary: &mut Diary) -> Result<(), AppError> {
    let mut app = App::connect(&visit.first.address, &visit.first.world).await?;
    let user = &visit.first.credentials.user;
    let wrong = Password::new("not the password");
    let passwords = std::iter::repeat_n(&wrong, GUESSES);
    for password in passwords.chain([&visit.first.credentials.password]) {
        let body = format!(
            r#"{{"user": "{user}", "password": "{}"}}"#,
            password.expose()
        );
        let reply = app.post("/login", JSON, body.into()).await;
        diary.reply("POST /login", reply);
    }
    let (_call, offer) = visit.offer().await?;
    let session = format!("/whep/{}/0", visit.first.serial);
    visit.every_request(&mut app, &offer, &session, diary).await;
    Ok(())
}
