//! A private certificate authority, and endpoints that it vouches for.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::serve::Listener;
use bedrock_remediator::sandbox::WorldFile;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::{CipherSuite, ServerConfig};
use tokio_rustls::server::TlsStream;

use super::cloud::Cloud;

pub(crate) struct Authority {
    acceptor: TlsAcceptor,
    file: std::path::PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Two certificates of one name would pass for one that vouches for itself.
        params.distinguished_name.push(DnType::CommonName, "authority of the tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let own = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&own, &issuer).unwrap();
        // AWS's endpoints choose this one, whatever a client would rather have.
        let mut ring = tokio_rustls::rustls::crypto::ring::default_provider();
        ring.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(own.serialize_der()).into(),
            )
            .unwrap();
        config.ignore_client_order = true;
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

    /// AWS's endpoints, behind TLS. One thread: who asks has the other core.
    pub(crate) fn cloud(&self, file: WorldFile) -> Cloud {
        let acceptor = self.acceptor.clone();
        Cloud::served(file, "https", 1, async move |router: Router| {
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = tcp.local_addr().unwrap();
            let (greet, guarded) = tokio::sync::mpsc::unbounded_channel();
            let acceptor = acceptor.clone();
            // Each greets its client by itself: nobody waits for another's handshake.
            tokio::spawn(async move {
                while let Ok((stream, from)) = tcp.accept().await {
                    stream.set_nodelay(true).unwrap();
                    let (acceptor, greet) = (acceptor.clone(), greet.clone());
                    tokio::spawn(async move {
                        // A client that breaks off is no reason to stop.
                        if let Ok(stream) = acceptor.accept(stream).await {
                            let _ = greet.send((stream, from));
                        }
                    });
                }
            });
            let listener = Guarded { address, guarded };
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
            address
        })
    }
}

struct Guarded {
    address: SocketAddr,
    guarded: UnboundedReceiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl Listener for Guarded {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.guarded.recv().await {
            Some(greeted) => greeted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(self.address)
    }
}
