//! The accounts that the server begins with.

use common::StartError;

use crate::App;
use crate::access::{Role, SYSTEM_ROLES, SystemRole, User};
use crate::accounts::Instance;

const INSTANCES: [(&str, u32, &str); 2] = [
    ("8-f48cf3a682-7fthvk", 1, "Garden"),
    ("8-b2d1a6c4e0-x9k2mq", 2, "Kitchen"),
];
const PASSWORD: &str = "password";

/// Makes those that are not there, and says who they are.
pub(crate) async fn begin(app: &App) -> Result<(), StartError> {
    for (zuid, id, name) in INSTANCES {
        let instance = Instance {
            zuid: zuid.to_owned(),
            id,
            name: name.to_owned(),
        };
        app.kv.insert("instances", zuid, &instance).await?;
        println!("instance {zuid}: {name}");
        for role in roles_of(zuid) {
            app.kv.insert("roles", &role.zuid, &role).await?;
        }
    }
    let [(first, ..), (second, ..)] = INSTANCES;
    let (owner, contributor) = (&SYSTEM_ROLES[0], &SYSTEM_ROLES[4]);
    let owned = vec![role_of(owner, first), role_of(owner, second)];
    account(
        app,
        "5-a0c1e2f3d4-ow9er0",
        "owner@example.com",
        "Olive",
        owned,
    )
    .await?;
    let edited = vec![role_of(contributor, first)];
    account(
        app,
        "5-b1d2f3a4c5-ed1t0r",
        "editor@example.com",
        "Eddie",
        edited,
    )
    .await
}

async fn account(
    app: &App,
    zuid: &str,
    email: &str,
    first_name: &str,
    roles: Vec<Role>,
) -> Result<(), StartError> {
    let user = User {
        zuid: zuid.to_owned(),
        email: email.to_owned(),
        first_name: first_name.to_owned(),
        last_name: "Example".to_owned(),
        password: app.passwords.hash(PASSWORD).await?,
        roles,
    };
    app.kv.insert("users", zuid, &user).await?;
    app.kv.insert("emails", email, &zuid).await?;
    println!("account {email} / {PASSWORD}");
    Ok(())
}

/// The system roles, and one that is the instance's own.
fn roles_of(instance: &str) -> Vec<Role> {
    let own = Role {
        zuid: format!("30-cu5t0m-{instance}"),
        name: "Read only".to_owned(),
        instance: instance.to_owned(),
        system_role: SYSTEM_ROLES[6].zuid.to_owned(),
    };
    let of_all = SYSTEM_ROLES.iter().map(|role| role_of(role, instance));
    of_all.chain([own]).collect()
}

fn role_of(system_role: &SystemRole, instance: &str) -> Role {
    let kind = system_role.zuid.rsplit('-').next().unwrap_or_default();
    Role {
        zuid: format!("30-{kind}-{instance}"),
        name: system_role.name.to_owned(),
        instance: instance.to_owned(),
        system_role: system_role.zuid.to_owned(),
    }
}
