//! Waiting for news over HTTP: a request that is answered when there are some.

use std::time::Duration;

use serde_json::Value;
use tokio::{sync::mpsc, task::JoinSet};

use super::{App, AppError};

/// How long an answer may take: longer than servers keep whoever waits.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it waits before it asks again where there were none.
const PAUSE: Duration = Duration::from_millis(100);

/// Whoever waits, on a connection of its own.
#[derive(Debug)]
pub(crate) struct LongPoll {
    news: mpsc::Receiver<Result<Value, AppError>>,
    /// It ends with it.
    _task: JoinSet<()>,
}

impl LongPoll {
    /// Asks for `path` with `?after=` and a number, which is that of `counter` in
    /// the news before.
    pub(crate) fn start(mut app: App, path: String, counter: &'static str, mut after: u64) -> Self {
        let (sender, news) = mpsc::channel(1);
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                let came = ask(&mut app, &path, counter, &mut after).await.transpose();
                match came {
                    Some(came) => {
                        let is_over = came.is_err();
                        if sender.send(came).await.is_err() || is_over {
                            return;
                        }
                    }
                    None => {
                        let clock = app.world().clock.clone();
                        clock.sleep_until(clock.unix() + PAUSE).await;
                    }
                }
            }
        });
        Self { news, _task: task }
    }

    /// The next news; none after an error. It may be dropped and called again at
    /// any time.
    pub(crate) async fn next(&mut self) -> Option<Result<Value, AppError>> {
        self.news.recv().await
    }
}

async fn ask(
    app: &mut App,
    path: &str,
    counter: &str,
    after: &mut u64,
) -> Result<Option<Value>, AppError> {
    const WHAT: &str = "a question for news";
    let path = format!("{path}?after={after}");
    let reply = app
        .ask_within(PATIENCE, "GET", &path, None, Vec::new())
        .await?;
    if reply.status == 204 {
        return Ok(None);
    }
    let fields = reply.json(WHAT, 200)?;
    let number = fields.get(counter).and_then(Value::as_u64);
    // Old news would come again and again.
    let number = number.filter(|number| *number > *after);
    *after = number.ok_or(AppError::Answer(WHAT))?;
    Ok(Some(fields))
}
