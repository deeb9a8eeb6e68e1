//! Connections to AWS: TLS by rustls with ring, kept and shared by all clients.
//!
//! Invariant: Only the machine's certificate authorities and Amazon's own are trusted. Amazon's are tried first,
//! because reading the machine's again for each client took a third of a cold start's instructions.
//! See <https://www.amazontrust.com/repository/>.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

const AMAZON: &str = include_str!("authorities.pem");

/// The HTTP client of all SDK clients.
pub(crate) fn http_client() -> SharedHttpClient {
    // If the environment names authorities, no others are trusted.
    let is_named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    let machine = TrustStore::default();
    SharedHttpClient::new(Connections {
        amazon: trusting(TrustStore::empty().with_pem_certificate(AMAZON)),
        // A machine without authorities still trusts Amazon's.
        machine: trusting(if is_named { machine } else { machine.with_pem_certificate(AMAZON) }),
        is_machine: Arc::new(AtomicBool::new(is_named)),
    })
}

fn trusting(store: TrustStore) -> SharedHttpClient {
    let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    match TlsContext::builder().with_trust_store(store).build() {
        Ok(context) => builder.tls_context(context).build_https(),
        // This should not fail; the default trusts the machine's authorities.
        Err(_) => builder.build_https(),
    }
}

/// Keeps the default [`HttpClient::validate_base_client_config`]: the inner clients' own would read every
/// authority again for each new client.
#[derive(Debug)]
struct Connections {
    amazon: SharedHttpClient,
    machine: SharedHttpClient,
    /// Whether Amazon's authorities were not enough.
    is_machine: Arc<AtomicBool>,
}

impl HttpClient for Connections {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        if self.is_machine.load(Relaxed) {
            return self.machine.http_connector(settings, components);
        }
        let amazon = self.amazon.http_connector(settings, components);
        SharedHttpConnector::new(First { amazon, is_machine: self.is_machine.clone() })
    }
}

/// Trusts Amazon's authorities. If a connection fails for any reason, the next attempt trusts the machine's
/// authorities.
#[derive(Debug)]
struct First {
    amazon: SharedHttpConnector,
    is_machine: Arc<AtomicBool>,
}

impl HttpConnector for First {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (answer, is_machine) = (self.amazon.call(request), self.is_machine.clone());
        HttpConnectorFuture::new(async move {
            let answer = answer.await;
            if answer.as_ref().is_err_and(ConnectorError::is_io) {
                is_machine.store(true, Relaxed);
            }
            answer
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_config::retry::RetryConfig;
    use aws_sdk_sns::config::{BehaviorVersion, Credentials, Region};
    use aws_sdk_sns::error::DisplayErrorContext;
    use aws_smithy_runtime_api::client::http::http_client_fn;

    use super::*;

    fn client(http: SharedHttpClient) -> aws_sdk_sns::Client {
        let config = aws_sdk_sns::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("AKIDEXAMPLE", "example", None, None, "tests"))
            .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
            .http_client(http);
        aws_sdk_sns::Client::from_conf(config.build())
    }

    /// A connector whose every call fails in one way.
    #[derive(Debug)]
    struct Failing(fn() -> ConnectorError);

    impl HttpConnector for Failing {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            HttpConnectorFuture::ready(Err((self.0)()))
        }
    }

    fn failing(error: fn() -> ConnectorError) -> SharedHttpClient {
        http_client_fn(move |_, _| SharedHttpConnector::new(Failing(error)))
    }

    /// The outcome of a call that fails in this way when only Amazon's authorities are trusted.
    fn outcome(error: fn() -> ConnectorError) -> String {
        let machine = failing(|| ConnectorError::user("the machine's were asked".into()));
        let http = Connections { amazon: failing(error), machine, is_machine: Arc::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let call = client(SharedHttpClient::new(http)).list_topics().send();
        DisplayErrorContext(runtime.block_on(call).unwrap_err()).to_string()
    }

    #[test]
    fn whom_amazons_authorities_do_not_vouch_for_the_machines_may() {
        let unknown = outcome(|| ConnectorError::io("no authority knows it".into()));
        assert!(unknown.contains("the machine's were asked"), "{unknown}");
        let other = outcome(|| ConnectorError::other("a broken answer".into(), None));
        assert!(other.contains("a broken answer"), "{other}");
    }

    #[test]
    fn every_authority_of_amazon_can_be_read() {
        assert_eq!(AMAZON.matches("BEGIN CERTIFICATE").count(), 5);
        // A client reads the certificates when it is made, and panics if it cannot read one.
        client(trusting(TrustStore::empty().with_pem_certificate(AMAZON)));
    }
}
