//! Keys on the NIST curves, from the number alone.

use ssh_key::{EcdsaCurve, private::EcdsaKeypair};
use zeroize::Zeroizing;

/// The key whose secret number this is; leading zeros may be missing or surplus. `None` if it is none of the curve.
pub(super) fn pair(curve: EcdsaCurve, number: &[u8]) -> Option<EcdsaKeypair> {
    Some(match curve {
        EcdsaCurve::NistP256 => {
            let secret = p256::SecretKey::from_slice(&*padded::<32>(number)?).ok()?;
            EcdsaKeypair::NistP256 { public: secret.public_key().into(), private: secret.into() }
        }
        EcdsaCurve::NistP384 => {
            let secret = p384::SecretKey::from_slice(&*padded::<48>(number)?).ok()?;
            EcdsaKeypair::NistP384 { public: secret.public_key().into(), private: secret.into() }
        }
        EcdsaCurve::NistP521 => {
            let secret = p521::SecretKey::from_slice(&*padded::<66>(number)?).ok()?;
            EcdsaKeypair::NistP521 { public: secret.public_key().into(), private: secret.into() }
        }
    })
}

fn padded<const SIZE: usize>(number: &[u8]) -> Option<Zeroizing<[u8; SIZE]>> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = number.get(zeros..)?;
    let mut padded = Zeroizing::new([0; SIZE]);
    let start = SIZE.checked_sub(number.len())?;
    padded.get_mut(start..)?.copy_from_slice(number);
    Some(padded)
}
