//! PKCS#8 private keys, encrypted ones by PBES2 (RFC 8018): PBKDF2 with HMAC-SHA-256 and AES-256-CBC,
//! which OpenSSL 3 writes by default. Absent on purpose: scrypt and everything weaker.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use zeroize::Zeroizing;

use super::{Algorithm, KeyError, Passphrase};
use crate::der::{self, Reader};
use crate::limits;

/// The algorithm of a PKCS#8 key.
pub(super) fn algorithm(der: &[u8]) -> Result<Algorithm, KeyError> {
    let name = || {
        let mut outer = Reader::new(der);
        let mut key = outer.sequence()?;
        let _version = key.small()?;
        let mut algorithm = key.sequence()?;
        let name = algorithm.tagged(der::OBJECT_IDENTIFIER)?;
        let curve = algorithm.tagged(der::OBJECT_IDENTIFIER);
        outer.is_at_end().then_some((name, curve))
    };
    match name() {
        Some((ED25519, None)) => Ok(Algorithm::Ed25519),
        Some((ML_DSA_44, None)) => Ok(Algorithm::MlDsa44),
        Some((EC, Some(P256))) => Ok(Algorithm::P256),
        Some(_) => Err(KeyError::Malformed("a key of another algorithm")),
        None => Err(KeyError::Malformed("no PKCS#8")),
    }
}

/// The PKCS#8 key inside an `EncryptedPrivateKeyInfo`.
pub(super) fn decrypt(der: &[u8], passphrase: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let sealed = Sealed::read(der).ok_or(KeyError::Malformed(
        "a key that is not encrypted with PBKDF2-HMAC-SHA-256 and AES-256-CBC",
    ))?;
    let key = sealed.key(passphrase)?;
    let iv = FixedLength::<16>::try_from(sealed.iv).map_err(|_| KeyError::Library)?;
    let mut bytes = Zeroizing::new(sealed.encrypted.to_vec());
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(|_| KeyError::Library)?;
    let length = key.decrypt(&mut bytes, DecryptionContext::Iv128(iv)).map(|plain| plain.len());
    bytes.truncate(length.map_err(|_| KeyError::Passphrase)?);
    // A wrong passphrase leaves padding that looks right once in 256 times.
    algorithm(&bytes).map_err(|_| KeyError::Passphrase)?;
    Ok(bytes)
}

/// The `EncryptedPrivateKeyInfo` of a PKCS#8 key.
pub(super) fn encrypt(pkcs8: &[u8], passphrase: &Passphrase<'_>) -> Result<Vec<u8>, KeyError> {
    let (salt, iv) = passphrase.random.split_at(16);
    let sealed = Sealed { salt, rounds: passphrase.rounds, iv, encrypted: &[] };
    let key = sealed.key(passphrase.text)?;
    let context = FixedLength::<16>::try_from(iv).map_err(|_| KeyError::Library)?;
    let mut bytes = pkcs8.to_vec();
    PaddedBlockEncryptingKey::cbc_pkcs7(key)
        .and_then(|key| key.less_safe_encrypt(&mut bytes, EncryptionContext::Iv128(context)))
        .map_err(|_| KeyError::Library)?;
    Ok(Sealed { encrypted: &bytes, ..sealed }.write())
}

/// An `EncryptedPrivateKeyInfo`.
struct Sealed<'b> {
    salt: &'b [u8],
    rounds: u32,
    iv: &'b [u8],
    encrypted: &'b [u8],
}

impl<'b> Sealed<'b> {
    fn read(der: &'b [u8]) -> Option<Self> {
        let mut outer = Reader::new(der);
        let mut info = outer.sequence()?;
        let mut algorithm = info.sequence()?;
        let encrypted = info.tagged(der::OCTET_STRING)?;
        let is_pbes2 = algorithm.tagged(der::OBJECT_IDENTIFIER)? == PBES2;
        let mut parameters = algorithm.sequence()?;
        let (mut derivation, mut scheme) = (parameters.sequence()?, parameters.sequence()?);
        let is_pbkdf2 = derivation.tagged(der::OBJECT_IDENTIFIER)? == PBKDF2;
        let mut derivation = derivation.sequence()?;
        let salt = derivation.tagged(der::OCTET_STRING)?;
        let rounds = derivation.small()?;
        let fits = derivation.tagged(der::INTEGER).is_none_or(|length| length == [32]);
        let is_sha256 = derivation.sequence()?.tagged(der::OBJECT_IDENTIFIER)? == HMAC_SHA256;
        let is_aes256 = scheme.tagged(der::OBJECT_IDENTIFIER)? == AES_256_CBC;
        let iv = scheme.tagged(der::OCTET_STRING)?;
        let is_whole =
            [outer, info, algorithm, parameters, derivation, scheme].iter().all(Reader::is_at_end);
        let is_ours = is_pbes2 && is_pbkdf2 && fits && is_sha256 && is_aes256 && is_whole;
        is_ours.then_some(Self { salt, rounds, iv, encrypted })
    }

    fn write(&self) -> Vec<u8> {
        let name = |name: &[u8]| der::tagged(der::OBJECT_IDENTIFIER, name);
        let octets = |bytes: &[u8]| der::tagged(der::OCTET_STRING, bytes);
        let sequence = |parts: &[Vec<u8>]| der::tagged(der::SEQUENCE, &parts.concat());
        let prf = sequence(&[name(HMAC_SHA256), der::tagged(der::NULL, &[])]);
        let rounds = der::unsigned(&self.rounds.to_be_bytes());
        let derivation = sequence(&[name(PBKDF2), sequence(&[octets(self.salt), rounds, prf])]);
        let scheme = sequence(&[name(AES_256_CBC), octets(self.iv)]);
        let algorithm = sequence(&[name(PBES2), sequence(&[derivation, scheme])]);
        sequence(&[algorithm, octets(self.encrypted)])
    }

    fn key(&self, passphrase: &str) -> Result<UnboundCipherKey, KeyError> {
        let rounds = NonZeroU32::new(self.rounds).filter(|r| r.get() <= limits::PBKDF2_ROUNDS_MAX);
        let rounds = rounds.ok_or(KeyError::Malformed("more rounds of PBKDF2 than the limit"))?;
        let mut key = Zeroizing::new([0; 32]);
        let passphrase = passphrase.as_bytes();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, self.salt, passphrase, &mut *key);
        UnboundCipherKey::new(&AES_256, &*key).map_err(|_| KeyError::Library)
    }
}

/// 1.3.101.112
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// 2.16.840.1.101.3.4.3.17
const ML_DSA_44: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11];
/// 1.2.840.10045.2.1
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.2.840.10045.3.1.7
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// 1.2.840.113549.1.5.13
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
/// 1.2.840.113549.1.5.12
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
/// 1.2.840.113549.2.9
const HMAC_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09];
/// 2.16.840.1.101.3.4.1.42
const AES_256_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];
