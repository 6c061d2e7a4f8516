//! Runs in a browser, live while they are written.
//!
//! [`Server`] shows the runs in a folder: a list with their states, the [page](infoplane::page) of each, and several beside each other.
//! While a run is written, its page follows. Nothing is written, and nothing outside of the folder is read.
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

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

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
    /// The server could not go on.
    #[error("the server ended: {0}")]
    Ended(std::io::Error),
}

/// A server that listens already.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    listener: TcpListener,
    address: SocketAddr,
    access: Access,
}

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
    /// [`ServeError::Ended`] if the system gives it no threads or closes the socket.
    pub fn run_until(self, stopped: impl Fn() -> bool) -> Result<(), ServeError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_io()
            .enable_time()
            .build()
            .map_err(ServeError::Ended)?;
        let Server { folder, listener, address, access } = self;
        let done = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let routes = answers::routes(Arc::new(Followed::new(folder)), access, address);
            let serving = std::pin::pin!(std::future::IntoFuture::into_future(axum::serve(listener, routes)));
            let ending = std::pin::pin!(async {
                while !stopped() {
                    tokio::time::sleep(ASK_EVERY).await;
                }
            });
            match futures_util::future::select(ending, serving).await {
                futures_util::future::Either::Left(_) => Ok(()),
                futures_util::future::Either::Right((ended, _)) => ended,
            }
        });
        // Pages that follow a run never end by themselves.
        runtime.shutdown_background();
        done.map_err(ServeError::Ended)
    }
}
