//! The version that `semaphore version`, `/api/info` and the start line show.

/// Version of the reference whose interfaces this program offers; clients compare it.
pub const COMPATIBLE_WITH: &str = "2.17.0";

/// `<version>-<commit>-<date>`, as the reference writes it. Commit and date come from the build's environment.
pub fn version() -> String {
    let commit = option_env!("SEMAPHORE_BUILD_COMMIT").unwrap_or("00000000");
    let date = option_env!("SEMAPHORE_BUILD_DATE").unwrap_or_default();
    format!("{COMPATIBLE_WITH}-{commit}-{date}")
}
