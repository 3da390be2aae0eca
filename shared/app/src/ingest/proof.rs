//! Whether a request is its source's: the second factors, then the signature, the token or the certificate.

use super::{Ingest, Rejected, Request};
use crate::caches::Reason;
use crate::ports::{Certificates, Inbox, PortError, Queue, Secrets, Sources};
use countersign_domain::dialect::{Auth, Certificate, Content};
use countersign_domain::signature::{
    Delivery, SignatureError, SigningKeys, Verified, certificate_url, check_factors, verify, verify_certified,
};
use countersign_domain::source::Source;
use countersign_domain::time::Timestamp;

impl<S: Sources, K: Secrets, C: Certificates, I: Inbox, Q: Queue> Ingest<S, K, C, I, Q> {
    pub(super) async fn verify<'a>(
        &self,
        source: &'a Source,
        request: &'a Request,
        now: Timestamp,
    ) -> Result<Verified<'a>, Rejected> {
        let body = match source.dialect.envelope.content {
            Content::Query => request.query.as_bytes(),
            Content::Json | Content::Form | Content::FormXml { .. } => &request.body,
        };
        let path_token = request.path_token.as_deref();
        let delivery = Delivery { headers: &request.headers, body, path_token, source_ip: request.source_ip };
        let (mut reason, mut why) = (Reason::Verify, SignatureError::Mismatch);
        loop {
            let keys = self.key_cache.get(&self.secrets, source, now, reason);
            let result = match keys.await.map_err(Rejected::Unavailable)? {
                Some(keys) => {
                    self.prove(source, &keys, delivery, now).await.map_err(Rejected::Unavailable)?
                }
                None => Err(why),
            };
            match (result, reason) {
                (Ok(verified), _) => return Ok(verified),
                // Perhaps a secret was rotated a moment ago: look once more, if it is not too soon to look.
                (
                    Err(
                        error @ (SignatureError::Mismatch
                        | SignatureError::Retired
                        | SignatureError::Factor(_)),
                    ),
                    Reason::Verify,
                ) => (reason, why) = (Reason::Failed, error),
                (Err(error), _) => {
                    let status = source.dialect.answers.unauthentic_status;
                    return Err(Rejected::Unauthentic { error, status });
                }
            }
        }
    }

    async fn prove<'a>(
        &self,
        source: &'a Source,
        keys: &SigningKeys,
        delivery: Delivery<'a>,
        now: Timestamp,
    ) -> Result<Result<Verified<'a>, SignatureError>, PortError> {
        if let Err(error) = check_factors(&source.second_factors, keys, delivery) {
            return Ok(Err(error));
        }
        match &source.dialect.auth {
            Auth::Certificate(certificate) => self.prove_certified(certificate, delivery, now).await,
            auth => Ok(verify(auth, keys, delivery, now)),
        }
    }

    async fn prove_certified<'a>(
        &self,
        certificate: &Certificate,
        delivery: Delivery<'a>,
        now: Timestamp,
    ) -> Result<Result<Verified<'a>, SignatureError>, PortError> {
        let url = match certificate_url(certificate, delivery.headers) {
            Ok(url) => url,
            Err(error) => return Ok(Err(error)),
        };
        let chain = self.certificate_cache.get(&self.certificates, url, now).await?;
        Ok(match chain {
            Some(chain) => verify_certified(certificate, &chain, self.certificates.anchors(), delivery, now),
            None => Err(SignatureError::Distrusted),
        })
    }
}
