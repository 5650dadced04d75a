//! The subscription of the reference's closed edition. There is none here and nothing that one would open, which is what all
//! routes say: 404, as the reference's community edition answers.

use semaphore_service::{Error, Kind};

use crate::http::{access::Session, error::Result};

/// `GET`, `POST` and `DELETE /api/subscription`, `POST /api/subscription/refresh`
pub(crate) async fn no_subscription(_: Session) -> Result<()> {
    Err(Error::new(Kind::NotFound, "this server has no subscription and needs none: nothing is locked").bare().into())
}
