//! The RPCs that YANG modules define: who carries out which.

use std::sync::Arc;

use crate::management::error::{ErrorTag, ManagementError};
use crate::management::request::Reply;
use crate::yang::operation::Operation;
use crate::yang::schema::Schema;

/// Who calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// The user of the session.
    pub user: String,
    /// The session.
    pub session_id: u32,
}

/// Carries out some RPCs. A call may block; it runs where that delays nobody but its own session.
pub trait RpcProvider: Send + Sync {
    /// Its RPCs, `module:name`.
    fn operations(&self) -> Vec<String>;

    /// Carries one out. The input was checked against the schema.
    fn call(&self, caller: &Caller, operation: &Operation) -> Result<Reply, ManagementError>;
}

/// All of them.
#[derive(Default)]
pub struct RpcTable {
    providers: Vec<Box<dyn RpcProvider>>,
}

impl RpcTable {
    /// With these providers.
    pub fn new(providers: Vec<Box<dyn RpcProvider>>) -> RpcTable {
        RpcTable { providers }
    }

    /// Parses an RPC element, and has it carried out.
    pub fn call(
        &self,
        schema: &Arc<Schema>,
        caller: &Caller,
        document: &str,
    ) -> Result<Reply, Vec<ManagementError>> {
        let operation = Operation::parse(schema, document)
            .map_err(|errors| errors.into_iter().map(ManagementError::from).collect::<Vec<_>>())?;
        let name = format!("{}:{}", operation.module(), operation.name());
        let Some(provider) = self
            .providers
            .iter()
            .find(|provider| provider.operations().contains(&name))
        else {
            let error = ManagementError::protocol(
                ErrorTag::OperationNotSupported,
                format!("this agent does not carry out {name}"),
            );
            return Err(vec![error]);
        };
        provider.call(caller, &operation).map_err(|error| vec![error])
    }
}
