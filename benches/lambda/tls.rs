//! A private certificate authority, and endpoints that it vouches for.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::serve::Listener;
use bedrock_remediator::sandbox::WorldFile;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::server::TlsStream;

use crate::support::cloud::Cloud;

pub(crate) struct Authority {
    acceptor: TlsAcceptor,
    file: std::path::PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Two certificates of one name would pass for one that vouches for itself.
        params.distinguished_name.push(DnType::CommonName, "authority of the benchmark");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let own = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&own, &issuer).unwrap();
        let ring = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(own.serialize_der()).into(),
            )
            .unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("authority.pem");
        std::fs::write(&file, authority.pem()).unwrap();
        Self { acceptor: TlsAcceptor::from(Arc::new(config)), file }
    }

    /// What makes each candidate trust it.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let file = self.file.display().to_string();
        ["SSL_CERT_FILE", "AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"]
            .map(|name| (name.to_owned(), file.clone()))
            .into()
    }

    /// AWS's endpoints, behind TLS.
    pub(crate) fn cloud(&self, file: WorldFile) -> Cloud {
        let acceptor = self.acceptor.clone();
        Cloud::served(file, "https", async move |router: Router| {
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = tcp.local_addr().unwrap();
            let listener = Guarded { tcp, acceptor: acceptor.clone() };
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
            address
        })
    }
}

struct Guarded {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Guarded {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.tcp.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            // A client that breaks off is no reason to stop.
            if let Ok(guarded) = self.acceptor.accept(stream).await {
                return (guarded, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
