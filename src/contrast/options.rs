//! The options that all experiments have: whom to measure, and where the figures go.

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use super::servers::{Candidate, Place, SERVERS};
use super::url::Url;

/// Whom to measure, and where the figures go.
#[derive(Args, Clone, Debug)]
#[group(skip)] // Each experiment has a group of this name already.
pub struct Options {
    /// Measure these only, e.g. --only epoll-server,nginx
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub only: Vec<String>,

    // No doc comment: an address in one would have to be a link.
    #[arg(
        long = "server",
        value_name = "NAME=URL",
        help = "Measure another server as well, repeatable, e.g. --server nginx=http://127.0.0.1:8080/hello"
    )]
    pub servers: Vec<String>,

    /// The process of such a server, so that its memory and time can be told, e.g. --pid nginx=4711
    #[arg(long = "pid", value_name = "NAME=PID")]
    pub pids: Vec<String>,

    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,

    /// Folder for the figures and plots, e.g. --out plots
    #[arg(long, value_name = "DIR", default_value = "target/contrast")]
    pub out: PathBuf,
}

impl Options {
    /// Those who take part.
    ///
    /// # Errors
    /// One line about the option that cannot be obeyed.
    pub fn candidates(&self) -> Result<Vec<Candidate>, Failure> {
        let given = self.given()?;
        let known: Vec<&str> =
            SERVERS.into_iter().chain(given.iter().map(|other| other.name.as_str())).collect();
        if let Some(unknown) = self.only.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(Failure::Because(format!("--only {unknown}: there are {}", known.join(", "))));
        }
        let takes_part = |name: &str| self.only.is_empty() || self.only.iter().any(|only| only == name);
        let mut candidates = Vec::new();
        if SERVERS.into_iter().any(takes_part) {
            candidates = Candidate::of_the_lab()?;
        }
        candidates.extend(given);
        candidates.retain(|candidate| takes_part(&candidate.name));
        Ok(candidates)
    }

    /// Those who take part in what only servers of the lab can do.
    ///
    /// # Errors
    /// One line about the option that cannot be obeyed.
    pub fn candidates_of_the_lab(&self) -> Result<Vec<Candidate>, Failure> {
        let candidates = self.candidates()?;
        match candidates.iter().find(|candidate| !candidate.is_of_the_lab()) {
            None => Ok(candidates),
            Some(Candidate { name, .. }) => Err(Failure::Because(format!(
                "--server {name}: only servers of the lab have topics and jobs to watch"
            ))),
        }
    }

    /// Those of `--server`.
    fn given(&self) -> Result<Vec<Candidate>, Failure> {
        let wrong = |option: &str, text: &str, example: &str| {
            Failure::Because(format!("--{option} {text}: such as --{option} {example}"))
        };
        let mut pids = Vec::new();
        for text in &self.pids {
            let parsed = text.split_once('=').and_then(|(name, pid)| Some((name, pid.parse::<u32>().ok()?)));
            pids.push(parsed.ok_or_else(|| wrong("pid", text, "nginx=4711"))?);
        }
        let mut given = Vec::new();
        for text in &self.servers {
            let parts = text.split_once('=').filter(|(name, _)| !name.is_empty() && !name.contains("://"));
            let (name, url) =
                parts.ok_or_else(|| wrong("server", text, "nginx=http://127.0.0.1:8080/hello"))?;
            let pid = pids.iter().find(|(of, _)| *of == name).map(|(_, pid)| *pid);
            given.push(Candidate { name: name.to_owned(), place: Place::Url(Url::parse(url)?, pid) });
        }
        if let Some((name, _)) = pids.iter().find(|(name, _)| given.iter().all(|other| other.name != *name)) {
            return Err(Failure::Because(format!("--pid {name}=…: there is no --server {name}=URL")));
        }
        Ok(given)
    }
}
