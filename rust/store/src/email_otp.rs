//! Codes that were sent by e-mail: one row for a user at most, as the reference expects it.
//!
//! Not for making codes or comparing them: what is stored is a hash that the service makes.

use crate::Result;
use crate::db::{Transaction, params, writes};
use chrono::Utc;
use semaphore_model::time::truncate_to_second;
use semaphore_model::{Secret, SessionId, UserEmailOtp, UserEmailOtpId, UserId, VerificationMethod};

writes! {
    /// Stores the code that a user was sent now, in place of an earlier one.
    set_user_email_otp(user_id: UserId, code: &Secret) -> UserEmailOtp;
    /// Removes a code; `NotFound` if it was used or replaced meanwhile.
    delete_user_email_otp(user_id: UserId, id: UserEmailOtpId, code: &Secret) -> ();
}

impl Transaction {
    /// Stores the code that a user was sent now, in whole seconds, in place of an earlier one.
    pub async fn set_user_email_otp(&mut self, user_id: UserId, code: &Secret) -> Result<UserEmailOtp> {
        let created = truncate_to_second(Utc::now());
        self.execute("delete from user__email_otp where user_id = ?", params![user_id]).await?;
        let text = "insert into user__email_otp (user_id, code, created) values (?, ?, ?)";
        let id = self.insert(text, params![user_id, code, created]).await?;
        Ok(UserEmailOtp { id, created, user_id, code: code.clone() })
    }

    /// Removes a code. Of two callers with the same one only the first succeeds.
    pub async fn delete_user_email_otp(&mut self, user_id: UserId, id: UserEmailOtpId, code: &Secret) -> Result<()> {
        let text = "delete from user__email_otp where user_id = ? and id = ? and code = ?";
        self.change(text, params![user_id, id, code]).await
    }

    /// Changes what a session that is not verified still needs.
    pub async fn set_session_verification(
        &mut self,
        user_id: UserId,
        id: SessionId,
        method: VerificationMethod,
    ) -> Result<()> {
        let text = "update session set verification_method = ?, verified = false where id = ? and user_id = ?";
        self.change(text, params![method.number(), id, user_id]).await
    }
}
