//! Makes the directory of the built web page, so that a later build of the page is noticed and the server built again.
//!
//! Cargo runs a build script each time when a path it watches does not exist; an empty directory (ignored by git) avoids that.

fn main() {
    let page = std::path::Path::new("../../web/dist");
    // A read-only source tree is fine: the page is then simply missing or as it is.
    let _ = std::fs::create_dir_all(page);
    println!("cargo::rerun-if-changed={}", page.display());
    println!("cargo::rerun-if-env-changed=SEMAPHORE_BUILD_COMMIT");
    println!("cargo::rerun-if-env-changed=SEMAPHORE_BUILD_DATE");
}
