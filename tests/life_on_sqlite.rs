//! The stories of `support/life`, over an SQLite file with a node in front.

#[path = "support/life/mod.rs"]
mod life;
#[path = "support/nodes.rs"]
mod nodes;

life_on!(nodes::on_sqlite().await);
