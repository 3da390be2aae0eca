//! The promises of a provider's API.

use crate::ports::{ApiRequest, ProviderApi};
use countersign_domain::source::Source;

/// What an API holds while it is under the suite.
#[derive(Clone, Debug)]
pub struct Held {
    /// An object and its bytes.
    pub object: (ApiRequest, Vec<u8>),
    /// A call that the API knows nothing for.
    pub absent: ApiRequest,
    /// A call that the API fails.
    pub failing: ApiRequest,
}

impl Held {
    /// Something for every promise.
    #[must_use]
    pub fn sample() -> Self {
        let query = vec![("limit".to_owned(), "100".to_owned()), ("created[gte]".to_owned(), "1".to_owned())];
        let call = |path: &str, query| ApiRequest { path: path.to_owned(), query };
        Self {
            object: (
                call("/v1/objects/one", query),
                b"{\"id\":\"one\",\"payer\":\"Jenny Rosen\"}\n".to_vec(),
            ),
            absent: call("/v1/objects/two", Vec::new()),
            failing: call("/v1/objects/three", Vec::new()),
        }
    }
}

/// An object comes byte for byte and as often as it is asked for; what the API does not know is nothing, and not an error;
/// a call that fails says so, and spoils no other.
///
/// # Panics
/// When the port breaks a promise.
pub async fn provider_api(port: &impl ProviderApi, source: &Source, held: &Held) {
    let (request, body) = &held.object;
    for _ in 0..2 {
        let found = port.get(source, request).await.expect("provider_api.get");
        assert_eq!(found.as_ref(), Some(body), "an object comes byte for byte");
        assert_eq!(port.get(source, &held.absent).await.expect("provider_api.get"), None, "404 is nothing");
        let failed = port.get(source, &held.failing).await.map(|found| found.map(|body| body.len()));
        let error = failed.expect_err("a call that the API fails");
        let secrets = String::from_utf8_lossy(body);
        assert!(!error.chain().contains(secrets.as_ref()), "an error repeats no object");
    }
}
