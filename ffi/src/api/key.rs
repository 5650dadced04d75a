//! Keys.

use crate::{
    SemaphoreHandle, SemaphoreStatus,
    boundary::guard,
    code,
    installed_key::InstalledKey,
    key_spec::PreparedKey,
    memory::{ErrorOut, Out, SemaphoreBuf, SemaphoreErr, borrow},
    objects,
};

/// Installs a key: a private key goes into an agent of its own on a private socket. OP_DONE with the key's handle tells that it is
/// ready, or why not; the handle is open in both cases. `semaphore_handle_close` ends the agent, removes the socket and wipes the key.
///
/// `spec` is a JSON document: `{"version":1,"config":{..},"key_id":5,"project_id":1,"type":"ssh","role":"git","login":"git"}`; `config`
/// is that of `semaphore_job_start`. `type`: `none`, `ssh`, `login_password`, `string`. `role`: `git`, `ansible_user`,
/// `ansible_become_user`, `ansible_password_vault`. `secret` is the private key (PEM), password or text, `pass` the passphrase.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_key_install(
    rt: SemaphoreHandle,
    spec: *const u8,
    n: usize,
    secret: *const u8,
    sn: usize,
    pass: *const u8,
    pn: usize,
    inst: *mut SemaphoreHandle,
    e: *mut SemaphoreErr,
) -> SemaphoreStatus {
    // SAFETY: the host's pointers, by the module's contract; so in all functions below.
    let error = unsafe { ErrorOut::new(e) };
    guard("key_install", error, || {
        // SAFETY: as above.
        let (place, document) = unsafe { (Out::new(inst, 0)?, borrow(spec, n)?) };
        // SAFETY: as above.
        let (secret, passphrase) = unsafe { (borrow(secret, sn)?, borrow(pass, pn)?) };
        let runtime = objects::runtime(rt)?;
        let prepared = PreparedKey::parse(document, secret, passphrase, &runtime)?;
        place.set(objects::insert_key(|handle| InstalledKey::open(handle, &runtime, prepared))?);
        Ok(code::SEMAPHORE_OK)
    })
}

/// What an installed key gives, as JSON: `{"login","socket","env":[["SSH_AUTH_SOCK",".."]],"has_password"}`. The failure of the
/// installation if it failed, `SEMAPHORE_E_STATE` before its end. Fast.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_key_info(
    inst: SemaphoreHandle,
    json: *mut SemaphoreBuf,
    e: *mut SemaphoreErr,
) -> SemaphoreStatus {
    // SAFETY: the host's pointer, by the module's contract.
    let error = unsafe { ErrorOut::new(e) };
    guard("key_info", error, || {
        // SAFETY: as above.
        let place = unsafe { Out::new(json, SemaphoreBuf::EMPTY)? };
        place.set(SemaphoreBuf::from_vec(objects::key(inst)?.info()?.to_string().into_bytes()));
        Ok(code::SEMAPHORE_OK)
    })
}

/// The password or text of an installed key; `SEMAPHORE_E_NOT_FOUND` if it gives none in its role. `semaphore_buf_free` wipes it.
/// A private key is never given out. Fast.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_key_secret(inst: SemaphoreHandle, out: *mut SemaphoreBuf) -> SemaphoreStatus {
    guard("key_secret", ErrorOut::NONE, || {
        // SAFETY: the host's pointer, by the module's contract.
        let place = unsafe { Out::new(out, SemaphoreBuf::EMPTY)? };
        place.set(SemaphoreBuf::from_vec(objects::key(inst)?.secret()?));
        Ok(code::SEMAPHORE_OK)
    })
}
