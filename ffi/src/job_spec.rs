//! The document of `semaphore_job_start` and the secrets beside it, checked.

use std::{sync::Arc, time::Duration};

use semaphore_engine::{
    EngineConfig,
    job::{self, Job, JobSpec, SecretSet},
};
use serde::Deserialize;

use crate::{
    exec_spec::length_prefixed,
    failure::{Failure, check_version, parse_document},
    machine::Machine,
    runtime::Runtime,
};

/// The document of `semaphore_job_start`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct JobDocument {
    #[serde(default = "crate::failure::first_version")]
    version: u32,
    config: Machine,
    job: JobSpec,
    #[serde(default)]
    deadline_ms: Option<u64>,
    #[serde(default)]
    tell_programs: bool,
}

/// What is started, checked.
pub struct PreparedJob {
    /// The machine.
    pub config: EngineConfig,
    /// The job.
    pub spec: JobSpec,
    /// Its secrets.
    pub secrets: SecretSet,
    /// Stop it after this time.
    pub deadline: Option<Duration>,
    /// Put what is started into the result.
    pub tell_programs: bool,
}

impl PreparedJob {
    /// Reads the document and the secrets beside it.
    pub fn parse(document: &[u8], secrets: &[u8], runtime: &Runtime) -> Result<Self, Failure> {
        let document: JobDocument = parse_document("specification of the job", document)?;
        check_version("job's specification", document.version)?;
        Ok(Self {
            config: document.config.into_config(runtime)?,
            spec: document.job,
            secrets: secret_set(secrets)?,
            deadline: document.deadline_ms.map(Duration::from_millis),
            tell_programs: document.tell_programs,
        })
    }

    /// Starts it.
    pub fn start(self, runtime: &Runtime) -> Job {
        let start = if self.tell_programs { job::start_telling_programs } else { job::start };
        start(Arc::new(self.config), self.spec, self.secrets, runtime.executor())
    }
}

/// `u32 length, name, u32 length, value`, repeated.
fn secret_set(bytes: &[u8]) -> Result<SecretSet, Failure> {
    let wrong = || Failure::argument("the secrets must be `u32 length, name, u32 length, value`, repeated");
    let parts = length_prefixed(bytes).ok_or_else(wrong)?;
    let (pairs, rest) = parts.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(wrong());
    }
    let mut set = SecretSet::default();
    for [name, value] in pairs {
        let name = std::str::from_utf8(name).map_err(|_| Failure::argument("the name of a secret is not UTF-8"))?;
        set.insert(name, value.to_vec());
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use semaphore_engine::job::SecretRef;

    use super::*;

    #[test]
    fn secrets_are_pairs() {
        let set = secret_set(b"\x03\0\0\0key\x05\0\0\0va\0ue\x01\0\0\0e\0\0\0\0").unwrap();
        let get = |name: &str| set.get(&SecretRef { secret: name.to_owned() }).map(<[u8]>::to_vec);
        assert_eq!((get("key").unwrap(), get("e").unwrap(), get("x")), (b"va\0ue".to_vec(), Vec::new(), None));
        for bad in [&b"\x03\0\0\0key"[..], b"\x01\0\0\0\xff\0\0\0\0", b"\x09\0\0\0key\0\0\0\0", b"abc"] {
            assert!(secret_set(bad).is_err(), "{bad:?}");
        }
        assert_eq!(secret_set(b"").unwrap().values().count(), 0);
    }
}
