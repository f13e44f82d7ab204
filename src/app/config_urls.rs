//! Configurations behind URLs (RFC 6241 section 8.8): files below one folder, and https servers that a CA file vouches for.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Method, Url, redirect};
use tokio::runtime::Handle;

use crate::app::ca_file::{CaFileError, client_trusting};
use crate::app::config_document::{MAX_DOCUMENT_BYTES, unwrapped, wrapped};
use crate::management::config_stores::UrlStore;
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::request::ConfigText;
use crate::state_dir::replace;

/// One exchange with an https server takes this long at the most.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What can be reached.
pub struct ConfigUrls {
    /// Below this folder lie the files of `file:` URLs.
    root: Option<PathBuf>,
    https: Option<Https>,
}

struct Https {
    client: Client,
    runtime: Handle,
}

impl ConfigUrls {
    /// Files below `root`, and https servers that the certificates of `ca_file` vouch for; `None` when neither is given. To
    /// be called inside the runtime that will carry the exchanges.
    pub fn new(root: Option<&Path>, ca_file: Option<&Path>) -> Result<Option<ConfigUrls>, CaFileError> {
        if root.is_none() && ca_file.is_none() {
            return Ok(None);
        }
        let https = ca_file.map(https).transpose()?;
        Ok(Some(ConfigUrls {
            root: root.map(Path::to_owned),
            https,
        }))
    }

    fn place(&self, url: &str) -> Result<Place<'_>, ManagementError> {
        let parsed = Url::parse(url).map_err(|error| invalid(url, &error.to_string()))?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            let message = "a URL with a user name or password is not accepted";
            return Err(
                ManagementError::protocol(ErrorTag::InvalidValue, message).with_info("bad-element", "url")
            );
        }
        match (parsed.scheme(), &self.root, &self.https) {
            ("file", Some(root), _) => Ok(Place::File(file_below(root, url, &parsed)?)),
            ("https", _, Some(https)) => Ok(Place::Https(https, parsed)),
            (scheme, ..) => {
                let message = format!(
                    "url {url}: scheme {scheme} is not supported, only {}",
                    self.schemes().join(" and ")
                );
                Err(ManagementError::protocol(
                    ErrorTag::OperationNotSupported,
                    message,
                ))
            }
        }
    }
}

enum Place<'s> {
    File(PathBuf),
    Https(&'s Https, Url),
}

impl UrlStore for ConfigUrls {
    fn schemes(&self) -> Vec<&'static str> {
        let file = self.root.is_some().then_some("file");
        file.into_iter()
            .chain(self.https.is_some().then_some("https"))
            .collect()
    }

    fn read(&self, url: &str) -> Result<ConfigText, ManagementError> {
        let document = match self.place(url)? {
            Place::File(path) => read_file(&path).map_err(|error| failed(url, &error))?,
            Place::Https(https, place) => https.exchange(Method::GET, place, url, None)?,
        };
        unwrapped(&document, url)
    }

    fn write(&self, url: &str, config: &str) -> Result<(), ManagementError> {
        let document = wrapped(config);
        match self.place(url)? {
            Place::File(path) => replace(&path, document.as_bytes()).map_err(|error| failed(url, &error)),
            Place::Https(https, place) => https
                .exchange(Method::PUT, place, url, Some(document))
                .map(|_| ()),
        }
    }

    fn delete(&self, url: &str) -> Result<(), ManagementError> {
        match self.place(url)? {
            Place::File(path) => fs::remove_file(&path).map_err(|error| failed(url, &error)),
            Place::Https(https, place) => https.exchange(Method::DELETE, place, url, None).map(|_| ()),
        }
    }
}

/// The file that a `file:` URL means: below the root whatever dots and links say.
fn file_below(root: &Path, url: &str, parsed: &Url) -> Result<PathBuf, ManagementError> {
    if !matches!(parsed.host_str(), None | Some("" | "localhost")) {
        return Err(invalid(url, "a file URL names no other host"));
    }
    // Parsing has resolved the dots; what is escaped is text and must not become a dot or a slash now.
    let path = parsed.path();
    if path.contains('%') {
        return Err(invalid(url, "escapes in a file URL are not accepted"));
    }
    let relative = Path::new(path.trim_start_matches('/'));
    let is_plain = relative
        .components()
        .all(|component| matches!(component, Component::Normal(_)));
    let Some(name) = relative.file_name().filter(|_| is_plain && !path.ends_with('/')) else {
        return Err(invalid(url, "it names no file"));
    };
    let root = fs::canonicalize(root).map_err(|error| failed(url, &error))?;
    let folder = root.join(relative.parent().unwrap_or(Path::new("")));
    let folder = fs::canonicalize(folder).map_err(|error| failed(url, &error))?;
    if !folder.starts_with(&root) {
        return Err(invalid(url, "it leads out of the folder for files"));
    }
    let file = folder.join(name);
    match fs::symlink_metadata(&file) {
        Ok(found) if !found.is_file() => Err(invalid(url, "it is no plain file")),
        _ => Ok(file),
    }
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let limit = MAX_DOCUMENT_BYTES as u64 + 1;
    fs::File::open(path)?.take(limit).read_to_end(&mut content)?;
    Ok(content)
}

fn https(ca_file: &Path) -> Result<Https, CaFileError> {
    let of = "of the servers of configurations";
    let wrong = |reason: String| CaFileError {
        path: ca_file.to_owned(),
        of,
        reason,
    };
    let client = Client::builder()
        .tls_backend_preconfigured(client_trusting(ca_file, of)?)
        .https_only(true)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .timeout(TIMEOUT)
        .build()
        .map_err(|error| wrong(error.to_string()))?;
    let runtime = Handle::try_current().map_err(|error| wrong(error.to_string()))?;
    Ok(Https { client, runtime })
}

impl Https {
    /// One exchange, and the body of its answer.
    fn exchange(
        &self,
        method: Method,
        place: Url,
        url: &str,
        body: Option<String>,
    ) -> Result<Vec<u8>, ManagementError> {
        let mut request = self.client.request(method, place);
        if let Some(body) = body {
            request = request.header("content-type", "application/xml").body(body);
        }
        let answered = self.runtime.block_on(async {
            let mut answer = request.send().await?;
            let mut content = Vec::new();
            while content.len() <= MAX_DOCUMENT_BYTES {
                let Some(piece) = answer.chunk().await? else { break };
                content.extend_from_slice(&piece);
            }
            Ok((answer.status(), content))
        });
        let reason = match answered {
            Ok((status, content)) if status.is_success() => return Ok(content),
            Ok((status, _)) if status.is_redirection() => {
                format!("the server answered {status}: redirections are not followed")
            }
            Ok((status, _)) => format!("the server answered {status}"),
            Err(error) => reason_of(error),
        };
        let message = format!("url {url}: {reason}");
        Err(ManagementError::application(ErrorTag::OperationFailed, message))
    }
}

/// What went wrong and why, without the URL.
fn reason_of(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut next = std::error::Error::source(&error);
    while let Some(cause) = next {
        reason.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    reason
}

fn invalid(url: &str, problem: &str) -> ManagementError {
    let message = format!("url {url}: {problem}");
    ManagementError::protocol(ErrorTag::InvalidValue, message).with_info("bad-element", "url")
}

fn failed(url: &str, error: &io::Error) -> ManagementError {
    let message = format!("url {url}: {error}");
    ManagementError::application(ErrorTag::OperationFailed, message)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn urls(root: &Path) -> ConfigUrls {
        ConfigUrls::new(Some(root), None).unwrap().unwrap()
    }

    #[test]
    fn a_file_below_the_root_is_written_read_and_deleted() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let urls = urls(folder.path());
        let url = "file:///sub/a.xml";
        urls.write(url, "<a xmlns=\"urn:a\"/>").unwrap();
        assert_eq!(urls.read(url).unwrap(), "<a xmlns=\"urn:a\"/>");
        assert_eq!(
            urls.read("file://localhost/sub/../sub/a.xml").unwrap(),
            "<a xmlns=\"urn:a\"/>"
        );
        urls.delete(url).unwrap();
        assert_eq!(urls.read(url).unwrap_err().tag, ErrorTag::OperationFailed);
        assert_eq!(urls.schemes(), ["file"]);
    }

    #[test]
    fn nothing_leads_out_of_the_root() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "<config/>").unwrap();
        let folder = outside.path().join("root");
        fs::create_dir(&folder).unwrap();
        symlink(outside.path(), folder.join("way-out")).unwrap();
        symlink(outside.path().join("secret"), folder.join("link")).unwrap();
        fs::create_dir(folder.join("folder")).unwrap();
        let urls = urls(&folder);
        let all = [
            "file:///../secret",
            "file:///%2e%2e/secret",
            "file:///..%2fsecret",
            "file:///way-out/secret",
            "file:///link",
            "file:///folder",
            "file:///",
            "file://elsewhere/secret",
            "file:secret/../../secret",
            "https://example.com/x",
            "ftp://example.com/x",
            "http://example.com/x",
            "/secret",
            "file://user:word@localhost/secret",
        ];
        for url in all {
            assert!(urls.read(url).is_err(), "read {url}");
        }
        for url in all {
            // Dots end at the root, as everywhere in URLs: those files may be made there.
            let _ = urls.write(url, "<a/>");
        }
        assert_eq!(
            fs::read_to_string(outside.path().join("secret")).unwrap(),
            "<config/>"
        );
        let told = urls.read("https://user:word@example.com/").unwrap_err();
        assert!(!told.message.contains("word@"), "{told}");
    }
}
