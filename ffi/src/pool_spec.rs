//! The documents of task pools: limits and jobs, checked.

use std::collections::{HashMap, HashSet};

use semaphore_model::{ProjectId, TemplateId};
use semaphore_task::Claim;
use serde::Deserialize;

use crate::{
    code,
    failure::{Failure, check_version, parse_document},
};

/// How many jobs run at once; 0 = no limit.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolLimits {
    version: u32,
    /// In the whole pool.
    pub max_parallel: u32,
    /// In a project, by its number.
    projects: HashMap<i32, u32>,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self { version: 1, max_parallel: 0, projects: HashMap::new() }
    }
}

impl PoolLimits {
    /// Reads the document; no bytes mean no limits.
    pub fn parse(document: &[u8]) -> Result<Self, Failure> {
        if document.is_empty() {
            return Ok(Self::default());
        }
        let limits: Self = parse_document("limits of the pool", document)?;
        check_version("limits of the pool", limits.version)?;
        Ok(limits)
    }

    /// The limit of a project, 0 = none.
    pub fn of_project(&self, project: ProjectId) -> u32 {
        self.projects.get(&project.0).copied().unwrap_or(0)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct JobsDocument {
    #[serde(default = "crate::failure::first_version")]
    version: u32,
    jobs: Vec<JobEntry>,
}

/// What a pool has to know about a job before it begins; no secret, and nothing of what it does.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobEntry {
    /// The host's number for it; no two jobs of a pool have the same at a time.
    pub id: i64,
    project_id: ProjectId,
    template_id: TemplateId,
    #[serde(default)]
    allow_parallel: bool,
}

impl JobEntry {
    /// What the limits look at.
    pub fn claim(&self) -> Claim {
        let (project, template) = (self.project_id, self.template_id);
        // What its tasks use is for the host to know.
        Claim { project, template, allow_parallel: self.allow_parallel, inventory: None }
    }
}

/// Reads the jobs of a submission.
pub fn parse_jobs(document: &[u8]) -> Result<Vec<JobEntry>, Failure> {
    let document: JobsDocument = parse_document("list of jobs", document)?;
    check_version("list of jobs", document.version)?;
    let mut seen = HashSet::new();
    match document.jobs.iter().find(|job| !seen.insert(job.id)) {
        Some(twice) => Err(exists(twice.id)),
        None => Ok(document.jobs),
    }
}

/// A number that names a job already.
pub fn exists(id: i64) -> Failure {
    Failure::new(code::SEMAPHORE_E_EXISTS, format!("a job with the number {id} is in the pool"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn limits_are_read_and_absent_ones_are_none() {
        let limits = PoolLimits::parse(br#"{"max_parallel":3,"projects":{"7":2}}"#).unwrap();
        let of = |project| limits.of_project(ProjectId(project));
        assert_eq!((limits.max_parallel, of(7), of(8)), (3, 2, 0));
        assert_eq!(PoolLimits::parse(b"").unwrap().max_parallel, 0);
        for (bad, number) in [
            (&br#"{"max_paralel":3}"#[..], code::SEMAPHORE_E_PARSE),
            (br#"{"max_parallel":-1}"#, code::SEMAPHORE_E_PARSE),
            (br#"{"projects":{"x":1}}"#, code::SEMAPHORE_E_PARSE),
            (br#"{"version":2}"#, code::SEMAPHORE_E_UNSUPPORTED),
            (b"[]", code::SEMAPHORE_E_PARSE),
        ] {
            assert_eq!(PoolLimits::parse(bad).unwrap_err().code, number, "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn numbers_of_jobs_are_unique() {
        let twice = br#"{"jobs":[{"id":1,"project_id":1,"template_id":1},{"id":1,"project_id":1,"template_id":2}]}"#;
        assert_eq!(parse_jobs(twice).unwrap_err().code, code::SEMAPHORE_E_EXISTS);
        assert!(parse_jobs(br#"{"jobs":[]}"#).unwrap().is_empty());
        assert_eq!(parse_jobs(br#"{"jobs":[{"id":1}]}"#).unwrap_err().code, code::SEMAPHORE_E_PARSE);
    }
}
