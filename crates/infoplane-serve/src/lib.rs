//! Runs in a browser, live while they are written.
//!
//! [`Server`] shows the runs in a folder: a list with their states, the [page](infoplane::page) of each, and several beside each other.
//! While a run is written, its page follows. Of a folder that is the store of a [sweep](infoplane::sweep), it shows where the cells
//! stand, and their comparison, which grows. Nothing is written, and nothing outside of the folder is read.
//!
//! ```
//! use infoplane_serve::{Access, Server};
//! let folder = tempfile::tempdir()?;
//! let server = Server::bind(folder.path(), "127.0.0.1:0".parse()?, Access::Loopback)?;
//! assert!(server.url().starts_with("http://127.0.0.1:"));
//! // Until the function says that it is enough.
//! server.run_until(|| true)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod answers;
mod followed;
mod listing;
mod sweep;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use infoplane::printable::printable_path;

pub use access::Access;
use followed::Followed;

/// Why runs cannot be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// There is no such folder.
    #[error("{} is no folder; name the one that holds the runs", printable_path(.0))]
    NoFolder(PathBuf),
    /// Others could see the runs, and nothing would keep them from it.
    #[error(
        "{0} can be reached from other machines; give a token, without which nothing is shown, or listen on 127.0.0.1"
    )]
    NeedsToken(SocketAddr),
    /// Nobody can listen there.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gives the server no threads, or does not take its socket.
    #[error("the server cannot begin: {0}")]
    Begin(std::io::Error),
}

/// A server that listens already.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    listener: TcpListener,
    address: SocketAddr,
    access: Access,
}

/// The time that the head of a request may take.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How often the function that ends a server is asked.
const ASK_EVERY: Duration = Duration::from_millis(100);

impl Server {
    /// Listens on an address, to show the runs in a folder, or the one run that the folder is. Port 0 is any that is free.
    ///
    /// # Errors
    /// [`ServeError::NoFolder`], [`ServeError::Listen`]; [`ServeError::NeedsToken`] for an address that other machines can reach
    /// without [`Access::Token`].
    pub fn bind(folder: &Path, address: SocketAddr, access: Access) -> Result<Server, ServeError> {
        let canonical = folder.canonicalize().ok().filter(|path| path.is_dir());
        let folder = canonical.ok_or_else(|| ServeError::NoFolder(folder.into()))?;
        if !address.ip().is_loopback() && access == Access::Loopback {
            return Err(ServeError::NeedsToken(address));
        }
        let failed = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Server { folder, listener, address, access })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a browser is to open; with the token, if there is one.
    pub fn url(&self) -> String {
        match &self.access {
            Access::Loopback => format!("http://{}/", self.address),
            Access::Token(token) => format!("http://{}/?token={token}", self.address),
        }
    }

    /// Answers until `stopped` says so; it is asked ten times a second.
    ///
    /// # Errors
    /// [`ServeError::Begin`] if the system gives it no threads, or does not take its socket.
    pub fn run_until(self, stopped: impl Fn() -> bool) -> Result<(), ServeError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_io()
            .enable_time()
            .build()
            .map_err(ServeError::Begin)?;
        let Server { folder, listener, address, access } = self;
        let done = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let routes = answers::routes(Arc::new(Followed::new(folder)), access, address);
            let serving = std::pin::pin!(serve(listener, routes));
            let ending = std::pin::pin!(async {
                while !stopped() {
                    tokio::time::sleep(ASK_EVERY).await;
                }
            });
            futures_util::future::select(ending, serving).await;
            Ok(())
        });
        // Pages that follow a run never end by themselves.
        runtime.shutdown_background();
        done.map_err(ServeError::Begin)
    }
}

/// Answers whoever connects. A request whose head has not come after a while is given up, so that none takes a connection for good.
async fn serve(listener: tokio::net::TcpListener, routes: axum::Router) {
    let mut server = Builder::new(TokioExecutor::new()).http1_only();
    server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Too many files are open, or whoever connected is gone: later it may go better.
            tokio::time::sleep(ASK_EVERY).await;
            continue;
        };
        let (server, service) = (server.clone(), TowerToHyperService::new(routes.clone()));
        tokio::spawn(async move {
            // What goes wrong with a connection is told by its end.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
