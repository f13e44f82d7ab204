//! Places outside the datastores that hold a whole configuration: the startup file, and what stands behind URLs.

use crate::management::error::ManagementError;
use crate::management::request::ConfigText;

/// Keeps the startup configuration (RFC 6241 section 8.7). Calls may block.
pub trait StartupStore: Send + Sync {
    /// What is kept; empty after a deletion.
    fn read(&self) -> Result<ConfigText, ManagementError>;

    /// Keeps another one: on disk before this returns, old or new after a crash.
    fn write(&self, config: &str) -> Result<(), ManagementError>;
}

/// Reads and writes configurations behind URLs (RFC 6241 section 8.8). Calls may block.
pub trait UrlStore: Send + Sync {
    /// The schemes that the capability names.
    fn schemes(&self) -> Vec<&'static str>;

    /// The content of the `<config>` that is there.
    fn read(&self, url: &str) -> Result<ConfigText, ManagementError>;

    /// Puts a `<config>` with this content there.
    fn write(&self, url: &str, config: &str) -> Result<(), ManagementError>;

    /// Takes what is there away.
    fn delete(&self, url: &str) -> Result<(), ManagementError>;
}
