/// A role, everywhere or on one resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoleGrant {
    role: Box<str>,
    resource: Option<Box<str>>,
}

impl RoleGrant {
    /// The role, held everywhere.
    #[must_use]
    pub fn new(role: impl Into<Box<str>>) -> Self {
        Self {
            role: role.into(),
            resource: None,
        }
    }

    /// The role, held on `resource` alone.
    #[must_use]
    pub fn on(role: impl Into<Box<str>>, resource: impl Into<Box<str>>) -> Self {
        Self {
            role: role.into(),
            resource: Some(resource.into()),
        }
    }

    /// The role's name.
    #[must_use]
    pub fn role(&self) -> &str {
        &self.role
    }

    /// The resource to which the role is bound, or `None` where it is held everywhere.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.resource.as_deref()
    }
}
