//! The schema, and the names of its entities made once: parsing them again would cost each decision
//! more than its evaluation.

use cedar_policy::{EntityId, EntityTypeName, EntityUid, Schema};

/// What policies may speak of.
#[derive(Debug, Clone)]
pub(crate) struct Vocabulary {
    pub(crate) schema: Schema,
    pub(crate) exchange: EntityUid,
    pub(crate) call_tool: EntityUid,
    pub(crate) read_resource: EntityUid,
    pub(crate) get_prompt: EntityUid,
    principal: EntityTypeName,
    agent: EntityTypeName,
    server: EntityTypeName,
    tool: EntityTypeName,
    edge: EntityTypeName,
}

impl Vocabulary {
    /// Reads the schema that is built in.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read() -> Result<Self, String> {
        let (schema, _) =
            Schema::from_cedarschema_str(SCHEMA).map_err(|error| error.to_string())?;
        let name = |text: &str| text.parse::<EntityTypeName>().map_err(|error| error.to_string());
        let action = name("Action")?;
        let act = |id| EntityUid::from_type_name_and_id(action.clone(), EntityId::new(id));
        Ok(Self {
            exchange: act("exchange"),
            call_tool: act("call_tool"),
            read_resource: act("read_resource"),
            get_prompt: act("get_prompt"),
            principal: name("Principal")?,
            agent: name("Agent")?,
            server: name("Server")?,
            tool: name("Tool")?,
            edge: name("Edge")?,
            schema,
        })
    }

    pub(crate) fn principal(&self, id: &str) -> EntityUid {
        uid(&self.principal, id)
    }

    pub(crate) fn agent(&self, id: &str) -> EntityUid {
        uid(&self.agent, id)
    }

    pub(crate) fn server(&self, id: &str) -> EntityUid {
        uid(&self.server, id)
    }

    pub(crate) fn tool(&self, id: &str) -> EntityUid {
        uid(&self.tool, id)
    }

    pub(crate) fn edge(&self, id: &str) -> EntityUid {
        uid(&self.edge, id)
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

/// What policies may speak of, as Cedar schema.
pub const SCHEMA: &str = include_str!("../policies/countersign.cedarschema");
