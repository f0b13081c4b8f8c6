//! `guessable-credentials`: somebody tries the names and passwords that an
//! attacker tries first.

use lightleak_judge::probe;
use lightleak_sim::{rtsp::digest::Credentials, seal::keys::Password, viewer::rtsp::RtspViewer};

use super::{Diary, Stimulus, Visit};

/// How often a device that hangs up is called again.
const MOST_CALLS: usize = 100;

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "guessable-credentials",
    title: "usual passwords, published ones, and such as are made of serial number and address",
    network: Some(|visit| {
        Box::pin(async move {
            let mut diary = Diary::default();
            guess(&visit, &mut diary).await;
            diary.0
        })
    }),
    srtp: None,
    card: None,
};

async fn guess(visit: &Visit, diary: &mut Diary) {
    let users = [visit.credentials.user.clone()];
    let mut guesses = probe::guesses(&visit.serial, &[visit.device], &users)
        .into_iter()
        .peekable();
    let (mut tried, mut let_in) = (0, 0);
    for _ in 0..MOST_CALLS {
        let Some(first) = guesses.peek() else { break };
        let first = credentials(&first.user, &first.password);
        let connecting = RtspViewer::connect(&visit.address, Some(first), &visit.world);
        let mut viewer = match connecting.await {
            Ok(viewer) => viewer,
            Err(error) => return diary.note(format!("failed to {error}")),
        };
        while let Some(guess) = guesses.peek() {
            viewer.log_in_as(credentials(&guess.user, &guess.password));
            match viewer.describe().await {
                Ok(response) if u16::from(response.status()) == 200 => {
                    diary.note(format!("{} was let in", guess.user));
                    let_in += 1;
                }
                Ok(_) => {}
                // It is tried again on another connection.
                Err(_) => break,
            }
            guesses.next();
            tried += 1;
        }
        viewer.close().await;
    }
    diary.note(format!(
        "{tried} guesses, {let_in} let in, {} left",
        guesses.count()
    ));
}

fn credentials(user: &str, password: &str) -> Credentials {
    Credentials {
        user: user.to_owned(),
        password: Password::new(password),
    }
}
