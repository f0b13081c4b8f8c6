//! Two reports, side by side: what became worse, what better, what is new, what is
//! gone. Schema `lightleak.comparison/1`.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::{Deserialize, Serialize};

/// A report that was read back, as far as it is compared.
#[derive(Clone, Debug, Deserialize)]
pub struct Recorded {
    tool: RecordedTool,
    profile: String,
    findings: Vec<RecordedFinding>,
}

#[derive(Clone, Debug, Deserialize)]
struct RecordedTool {
    version: String,
}

#[derive(Clone, Debug, Deserialize)]
struct RecordedFinding {
    #[serde(flatten)]
    place: Place,
    level: Level,
    verdict: Verdict,
    assurance: Option<Assurance>,
    reason: String,
}

/// What is compared: a requirement and where it was looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Id of the requirement.
    pub requirement: String,
    /// Transport path.
    pub path: String,
    /// What was done.
    pub stimulus: String,
    /// The circumstances.
    pub condition: String,
    /// Where was looked.
    pub vantage: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    Must,
    Should,
    Info,
}

/// The higher the worse. What is not applicable is no worse than what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    NotApplicable,
    Pass,
    Inconclusive,
    Error,
    Fail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Assurance {
    Opened,
    Identified,
    Absence,
}

/// What became of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The verdict is worse, or a pass is known less surely.
    Worse,
    /// It was not there before.
    New,
    /// It is not there any more.
    Gone,
    /// The verdict is better, or a pass is known more surely.
    Better,
}

/// What changed at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    kind: Kind,
    /// Whether that is a regression.
    regression: bool,
    #[serde(flatten)]
    place: Place,
    level: Level,
    old: Option<State>,
    new: Option<State>,
    /// Why, in the report that has it; in both, in the new one.
    reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct State {
    verdict: Verdict,
    assurance: Option<Assurance>,
}

/// Two reports, compared.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    schema: &'static str,
    old: Side,
    new: Side,
    changes: Vec<Change>,
    summary: Summary,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Side {
    version: String,
    profile: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Summary {
    worse: usize,
    better: usize,
    new: usize,
    gone: usize,
    same: usize,
    regressions: usize,
}

impl Recorded {
    /// Reads a report in JSON. An error says what it is instead.
    pub fn read(json: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Header {
            schema: Option<String>,
        }
        let malformed = |e: serde_json::Error| format!("is no report of lightleak: {e}");
        let header: Header = serde_json::from_slice(json).map_err(malformed)?;
        if header.schema.as_deref() != Some(super::Report::SCHEMA) {
            let found = header.schema.unwrap_or_else(|| "none".into());
            let expected = super::Report::SCHEMA;
            return Err(format!("expected schema {expected:?}, found {found:?}"));
        }
        serde_json::from_slice(json).map_err(malformed)
    }

    /// The worst finding at each place: a place may have been recorded several times.
    fn places(&self) -> BTreeMap<&Place, &RecordedFinding> {
        let mut places = BTreeMap::<_, &RecordedFinding>::new();
        for finding in &self.findings {
            let worst = places.entry(&finding.place).or_insert(finding);
            if finding.rank() > worst.rank() {
                *worst = finding;
            }
        }
        places
    }

    fn side(&self) -> Side {
        Side {
            version: self.tool.version.clone(),
            profile: self.profile.clone(),
        }
    }
}

impl RecordedFinding {
    fn rank(&self) -> (Verdict, Option<Assurance>) {
        // Of a pass and what is not applicable neither is worse.
        let verdict = self.verdict.max(Verdict::Pass);
        (verdict, self.assurance)
    }

    fn state(&self) -> State {
        State {
            verdict: self.verdict,
            assurance: self.assurance,
        }
    }
}

impl Comparison {
    /// The value of `schema`.
    pub const SCHEMA: &str = "lightleak.comparison/1";

    /// Compares.
    pub fn of(old: &Recorded, new: &Recorded) -> Self {
        let (before, after) = (old.places(), new.places());
        let judged: std::collections::BTreeSet<_> =
            before.keys().map(|place| &place.requirement).collect();
        let mut summary = Summary::default();
        let mut changes = Vec::new();
        for (place, finding) in &after {
            let was = before.get(place);
            let kind = match was {
                None => Kind::New,
                Some(was) => match was.compare(finding) {
                    std::cmp::Ordering::Less => Kind::Worse,
                    std::cmp::Ordering::Greater => Kind::Better,
                    std::cmp::Ordering::Equal => {
                        summary.same += 1;
                        continue;
                    }
                },
            };
            let is_leak = finding.verdict == Verdict::Fail && judged.contains(&place.requirement);
            let regression = match kind {
                Kind::Worse => finding.level != Level::Info,
                // A requirement that nobody asked before says nothing of what was.
                Kind::New => is_leak && finding.level == Level::Must,
                Kind::Better | Kind::Gone => false,
            };
            changes.push(Change {
                kind,
                regression,
                place: (*place).clone(),
                level: finding.level,
                old: was.map(|was| was.state()),
                new: Some(finding.state()),
                reason: finding.reason.clone(),
            });
        }
        for (place, finding) in before
            .iter()
            .filter(|(place, _)| !after.contains_key(*place))
        {
            changes.push(Change {
                kind: Kind::Gone,
                regression: false,
                place: (*place).clone(),
                level: finding.level,
                old: Some(finding.state()),
                new: None,
                reason: finding.reason.clone(),
            });
        }
        changes.sort_by(|a, b| (a.kind, &a.place).cmp(&(b.kind, &b.place)));
        for change in &changes {
            *match change.kind {
                Kind::Worse => &mut summary.worse,
                Kind::Better => &mut summary.better,
                Kind::New => &mut summary.new,
                Kind::Gone => &mut summary.gone,
            } += 1;
            summary.regressions += usize::from(change.regression);
        }
        Self {
            schema: Self::SCHEMA,
            old: old.side(),
            new: new.side(),
            changes,
            summary,
        }
    }

    /// How many regressions there are: a Must or Should that became worse, and a Must
    /// that fails where it was not looked at before, though it was elsewhere.
    pub fn regressions(&self) -> usize {
        self.summary.regressions
    }

    /// 1 if there are regressions, 0 if there are none.
    pub fn exit_code(&self) -> u8 {
        u8::from(self.regressions() > 0)
    }

    /// As JSON, with a final newline.
    pub fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// For people: a line per change, and the sum. What is new and holds is counted,
    /// and not told line by line.
    pub fn table(&self) -> String {
        let mut text = String::new();
        for (what, old, new) in [
            ("version", &self.old.version, &self.new.version),
            ("profile", &self.old.profile, &self.new.profile),
        ] {
            if old != new {
                let _ = writeln!(text, "note: {what} {old} is compared with {what} {new}");
            }
        }
        for change in &self.changes {
            let state = |state: Option<State>| match state {
                Some(state) => state.words(),
                None => "-".into(),
            };
            let holds = |s: State| s.verdict <= Verdict::Pass;
            if change.kind == Kind::New && change.new.is_some_and(holds) {
                continue;
            }
            let place = &change.place;
            let _ = writeln!(
                text,
                "{:<6} {:<8} {:<16} {:<20} {:<5} {} -> {}{}",
                change.kind.name(),
                place.requirement,
                place.path,
                match place.condition.as_str() {
                    "default" | "-" => place.stimulus.clone(),
                    condition => format!("{} ({condition})", place.stimulus),
                },
                place.vantage.as_deref().unwrap_or("-"),
                state(change.old),
                state(change.new),
                match change.regression {
                    true => format!("\n       {}", change.reason),
                    false => String::new(),
                },
            );
        }
        let s = &self.summary;
        let _ = writeln!(
            text,
            "{} worse, {} better, {} new, {} gone, {} the same: {}",
            s.worse,
            s.better,
            s.new,
            s.gone,
            s.same,
            match s.regressions {
                0 => "no regression".into(),
                1 => "1 regression".into(),
                n => format!("{n} regressions"),
            }
        );
        text
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::New => "new",
            Self::Gone => "gone",
            Self::Better => "better",
        }
    }
}

impl State {
    fn words(self) -> String {
        let verdict = match self.verdict {
            Verdict::NotApplicable => "not applicable",
            Verdict::Pass => "pass",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Error => "error",
            Verdict::Fail => "FAIL",
        };
        match self.assurance {
            Some(Assurance::Opened) => format!("{verdict} (opened)"),
            Some(Assurance::Identified) => format!("{verdict} (identified)"),
            Some(Assurance::Absence) => format!("{verdict} (absence)"),
            None => verdict.to_owned(),
        }
    }
}

impl RecordedFinding {
    /// How it was, compared with how it is: less is better. How surely it is known
    /// counts where both pass.
    fn compare(&self, new: &Self) -> std::cmp::Ordering {
        let (old, new) = (self.rank(), new.rank());
        match (old.1, new.1) {
            (Some(_), Some(_)) => old.cmp(&new),
            _ => old.0.cmp(&new.0),
        }
    }
}
