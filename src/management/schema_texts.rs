//! `get-schema`: the text of a module (RFC 6022 section 3.1).

use crate::management::error::{ErrorTag, ManagementError};
use crate::management::front_desk::Desk;
use crate::management::request::Reply;
use crate::yang::schema::Source;

impl Desk {
    /// The text of one module or submodule.
    pub(in crate::management) fn module_text(
        &self,
        identifier: &str,
        version: Option<&str>,
        format: Option<&str>,
    ) -> Result<Reply, ManagementError> {
        // RFC 6022 section 3.1: yang when nothing is asked for.
        let as_yin = match format {
            None | Some("yang") => false,
            Some("yin") => true,
            Some(other) => {
                let message =
                    format!("format {other:?} of module {identifier}: only yang and yin are served");
                return Err(ManagementError::application(ErrorTag::InvalidValue, message));
            }
        };
        let named = |version: Option<&str>| match version {
            Some(version) => format!("module {identifier:?} of revision {version:?}"),
            None => format!("module {identifier:?}"),
        };
        let source = match as_yin {
            false => self.schema().source(identifier, version),
            true => self.schema().source_in_yin(identifier, version),
        };
        match source {
            Source::Text(text) => Ok(Reply::SchemaText(text)),
            Source::NotFound => {
                let message = format!("{} is not served", named(version));
                Err(ManagementError::application(ErrorTag::InvalidValue, message))
            }
            Source::SeveralRevisions => {
                let message = format!("{} has several revisions: name one", named(version));
                let error = ManagementError::application(ErrorTag::OperationFailed, message);
                Err(ManagementError {
                    app_tag: Some("data-not-unique".to_owned()),
                    ..error
                })
            }
        }
    }
}
